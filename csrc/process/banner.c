/* SPDX-License-Identifier: MIT */
#include "banner.h"

#include <stdio.h>

#include "gateway.h"
#include "h1_parse.h"

const char *banner_version(void)
{
    return CLUTCH_VERSION;
}

const char *banner_format(char *text, const struct gateway_ops *ops)
{
    snprintf(text, BANNER_BYTES, "clutch %s (%s, llhttp %s)", CLUTCH_VERSION, ops->version(), h1_parse_version());
    return text;
}
