/* SPDX-License-Identifier: MIT */
#include <llhttp.h>
#include <ini.h>
