# SPDX-License-Identifier: MIT
"""Whether the figures are the server's at all: something else used the CPUs, or the load generator could not send more.
Rules as in advice_rules.py."""

from compare.figures import DISTURBED_SHARE
from compare.measured import percent, plural

CLIENT_FULL_SHARE = 0.9  # of the one CPU that the load generator can use
CROWDING_SHARE, CROWDED_SHARE = 0.2, 0.9  # of the CPUs granted: the load generator's part, and that of all together


def may_conclude(context):
    """Whether differences between settings tell something about the server: what only waits is not held up by others
    who compute; everything is by a load generator that cannot send more."""
    is_undisturbed = context.kind == "io" or not list(filter(is_disturbed, context.settings))
    return is_undisturbed and not is_client_full(fastest(context))


def is_disturbed(setting):
    return (setting.other_share or 0.0) >= DISTURBED_SHARE


def is_client_full(setting):
    return (setting.client_share or 0.0) >= CLIENT_FULL_SHARE


def fastest(context):
    return max(context.settings, key=lambda setting: setting.rate)


def disturbed(context):
    """Something else computed on the same CPUs."""
    found = sorted(filter(is_disturbed, context.settings), key=lambda setting: -setting.other_share)
    if not found:
        return
    text = f"Something else used {percent(found[0].other_share)} of the CPUs while this was measured: "
    text += "measure again on an idle machine."
    if context.kind != "io":
        text += " Until then nothing is said about settings, since what computes was held up."
    each = ", ".join(f"{setting.short}: {percent(setting.other_share)}" for setting in found)
    yield text, [
        f"used by neither server nor load generator, of {context.cpus}: {each}",
        f"from {percent(DISTURBED_SHARE)} on it is mentioned",
    ]


def client(context):
    """The load generator was the limit, or took the server's CPUs."""
    best = fastest(context)
    share = best.client_share or 0.0
    if is_client_full(best):
        yield (
            f"The load generator was the limit, not the server: it used {percent(share)} of the one CPU that it can "
            "use. The settings cannot be told apart; a faster one (wrk, for instance) would show what they can do.",
            [
                f"{best.name}, the best throughput: the load generator used {percent(share)} of one CPU, "
                f"from {percent(CLIENT_FULL_SHARE)} on it is the limit",
                best.describe(),
            ],
        )
        return
    granted = best.run.get("granted_cpus") or 0
    own, server = share / granted if granted else 0.0, best.figures.get("cpu_share") or 0.0
    if own >= CROWDING_SHARE and own + server >= CROWDED_SHARE:
        yield (
            f"The load generator took {percent(own)} of the {plural(granted, 'CPU')} from the server: with callers on "
            "other machines it answers more, and more workers may gain more than here.",
            [
                f"{best.name}, the best throughput: load generator {percent(own)}, server {percent(server)} of "
                f"{context.cpus}",
                f"from {percent(CROWDING_SHARE)} on it is mentioned, where both used {percent(CROWDED_SHARE)}",
            ],
        )


RULES = (disturbed, client)
