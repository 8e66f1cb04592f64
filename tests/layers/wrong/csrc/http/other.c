/* SPDX-License-Identifier: MIT */
#include <llhttp.h>
