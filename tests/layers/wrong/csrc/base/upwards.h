/* SPDX-License-Identifier: MIT */
#include "socket.h"
