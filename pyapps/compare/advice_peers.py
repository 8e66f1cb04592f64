# SPDX-License-Identifier: MIT
"""Where another server is better: setting for setting, by more than noise."""

from compare.measured import NOISE, OWN, describe_failure, duration, gain, mib, more_requests, percent, rate

WRAPPER = "the other servers run the application inside a wrapper that stamps its responses (some microseconds each)"


def peers(context, others):
    """Yields (text, because) for each peer that wins somewhere, one for those that do not, and one for what failed."""
    own = {setting.key: setting for setting in context.settings}
    usable = [setting for setting in others if setting.is_usable and setting.key in own and not setting.is_offloading]
    even = []
    for server in dict.fromkeys(setting.run.get("server") for setting in usable):
        pairs = [(setting, own[setting.key]) for setting in usable if setting.run.get("server") == server]
        wins = [(peer, better) for peer, mine in pairs for better in [list(find_wins(peer, mine))] if better]
        if wins:
            yield describe_wins(server, wins, pairs, context)
        else:
            even.append((server, pairs))
    if even:
        yield describe_even(even)
    yield from failures([setting for setting in others if setting.run.get("error") or setting.figures["failed"]])


def find_wins(peer, own):
    """Yields (how much better, words) for each figure in which `peer` beats `own`, both of one setting."""
    faster = gain(peer.rate, own.rate)
    if faster > NOISE:
        yield faster, more_requests(peer.rate, own.rate)
    for words, mine, theirs, show in (
        ("lower p95", own.ms("client", "p95"), peer.ms("client", "p95"), duration),
        ("less memory", own.pss_mib, peer.pss_mib, mib),
    ):
        if mine and theirs is not None and -gain(theirs, mine) > NOISE:
            yield -gain(theirs, mine), f"{percent(gain(theirs, mine))} {words} ({show(theirs)} instead of {show(mine)})"


def describe_wins(server, wins, pairs, context):
    """The setting with the largest win in words, with what clutch wins there; all settings among the reasons."""
    peer, better = max(wins, key=lambda win: max(better[0] for better in win[1]))
    own = next(own for each, own in pairs if each is peer)
    label = peer.run.get("label")
    text = f"{server} wins with {label}: {', '.join(words for _, words in better)}"
    because = [f"{each.name} against {OWN}: {', '.join(words for _, words in found)}" for each, found in wins]
    worse = [words for _, words in find_wins(own, peer)]
    if worse:
        text += f"; {OWN} there: {', '.join(worse)}"
        because.append(f"{OWN}, {label}, against {server}: {', '.join(worse)}")
    if len(wins) > 1:
        text += f". It wins with {len(wins)} of {len(pairs)} settings"
        because.append(f"{server} wins something with {len(wins)} of {len(pairs)} settings")
    because += describe_pairs(pairs)
    if any("memory" in words for _, found in wins for _, words in found):
        because += context.preload_figures()
    return f"{text}.", [*because, WRAPPER]


def describe_pairs(pairs):
    return [
        f"{peer.name}: {rate(peer.rate)} requests/s ({OWN} {rate(own.rate)}), p95 {duration(peer.ms('client', 'p95'))} "
        f"({duration(own.ms('client', 'p95'))})"
        + (
            f", {mib(peer.pss_mib)} ({mib(own.pss_mib)})"
            if peer.pss_mib is not None and own.pss_mib is not None
            else ""
        )
        for peer, own in pairs
    ]


def describe_even(even):
    names = [server for server, _ in even]
    listed = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    verb = "is" if len(names) == 1 else "are"
    return (
        f"{listed} {verb} nowhere more than {percent(NOISE)} better than {OWN} with the same setting, in "
        "requests/s, p95 or memory.",
        [*[line for _, pairs in even for line in describe_pairs(pairs)], f"limit: {percent(NOISE)}", WRAPPER],
    )


def failures(failing):
    if failing:
        names = dict.fromkeys(setting.run.get("server") for setting in failing)
        yield f"{', '.join(names)} failed in some settings, which are left out of the advice.", list(
            map(describe_failure, failing)
        )
