/* SPDX-License-Identifier: MIT */
#  include <Python.h>
#include "master.h"
