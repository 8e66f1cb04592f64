/* SPDX-License-Identifier: MIT */
#include "server.h"
