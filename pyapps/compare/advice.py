# SPDX-License-Identifier: MIT
"""What to deploy, and why: recommendations from the figures of a comparison. Pure functions of the document.

The names of applications and experiments play no part, only what was measured. Which setting is recommended follows one
stated rule (`choose`). Differences up to 5 per cent are noise and are not called a gain."""

from compare import advice_limits, advice_offload, advice_peers, advice_rules
from compare.measured import (
    BYTES_PER_MIB,
    NOISE,
    OWN,
    describe_failure,
    duration,
    kind_of,
    mib,
    number,
    percent,
    plural,
    rate,
    settings_of,
)

LEAST_REQUESTS = 10
LEAST_SECONDS = 0.2
ENOUGH_SECONDS = 2


def recommend(document):
    """Returns [{"text": one or two sentences, "because": [figure with unit, ...], "experiment": name}, ...] for a
    document, also for one that is partial: most important first within each experiment."""
    found = []
    for experiment in document.get("experiments") or []:
        for text, because in judge(experiment, document):
            found.append({"text": text, "because": because, "experiment": experiment.get("name", "")})
    return found


def judge(experiment, document):
    """Yields (text, because) for one experiment."""
    settings = settings_of(experiment)
    own = [setting for setting in settings if setting.is_own]
    sound = [setting for setting in own if setting.is_usable and not setting.is_offloading]
    yield from failures(own)
    if sound and is_too_small(sound):
        yield too_small(sound)
    elif sound:
        context = advice_rules.Context(document, experiment, sound, kind_of(sound))
        for rule in advice_limits.RULES:
            yield from rule(context)
        if advice_limits.may_conclude(context):
            yield from conclusions(context, own, settings)
    yield from memory(experiment.get("memory") or [], sound)


def conclusions(context, own, settings):
    """Yields what differences between settings say."""
    yield from deployment(context.settings, context.document.get("interrupted"))
    for rule in advice_rules.RULES:
        yield from rule(context)
    yield from advice_offload.offload(context)
    offloaded = [setting for setting in own if setting.is_usable and setting.is_offloading]
    yield from advice_offload.offloading(context, offloaded)
    yield from advice_peers.peers(context, [setting for setting in settings if not setting.is_own])


def failures(own):
    """Errors come first: what fails fast looks fast."""
    failing = [setting for setting in own if setting.run.get("error") or setting.figures["failed"]]
    if not failing:
        return
    count = f"{len(failing)} of {plural(len(own), 'setting')}"
    if len(failing) == len(own):
        text = f"Settle the failures first: something failed in each setting ({count}), so there is nothing to compare."
    else:
        text = f"Settle the failures first: something failed in {count}, and what fails fast looks fast. "
        text += "Those settings are left out of the advice."
    yield text, [f"{count} failed", *map(describe_failure, failing)]


def is_too_small(sound):
    """Whether no run was long enough for its rate to mean something."""
    return all(setting.figures["answered"] < LEAST_REQUESTS or setting.seconds < LEAST_SECONDS for setting in sound)


def too_small(sound):
    longest = max(sound, key=lambda setting: setting.seconds)
    requests = longest.figures["answered"]
    wanted = max(LEAST_REQUESTS * 10, round_up(longest.rate * ENOUGH_SECONDS))
    return (
        f"The load was too small to tell settings apart: {plural(requests, 'request')} in "
        f"{duration(longest.seconds * 1000)}. Measure again with --requests {wanted}.",
        [
            f"{longest.name}: {plural(requests, 'request')} in {duration(longest.seconds * 1000)}",
            f"at {rate(longest.rate)} requests/s, {wanted} requests are enough for {ENOUGH_SECONDS} s",
        ],
    )


def round_up(value):
    """Up to the next hundred."""
    return -(-int(value) // 100) * 100


def choose(sound):
    """Returns (setting, is_near_best): the setting with the smallest memory among those within 5 per cent of the best
    throughput and of the best p95. Where none is near both, the one that is least far from the worse of its two."""
    best_rate = max(setting.rate for setting in sound)
    best_p95 = min(setting.ms("client", "p95") for setting in sound)

    def distance(setting):
        return max(best_rate / setting.rate, setting.ms("client", "p95") / best_p95 if best_p95 else 1)

    limit = max(1 + NOISE, min(map(distance, sound)))
    near = [setting for setting in sound if distance(setting) <= limit]
    unknown = float("inf")
    chosen = min(near, key=lambda setting: (setting.run.get("pss_bytes") or unknown, setting.places, setting.workers))
    return chosen, limit <= 1 + NOISE


def command_line(setting):
    """Returns the command that deploys a setting."""
    threads = f" --threads {setting.threads}" if setting.threads > 1 else ""
    return f"{OWN} --workers {setting.workers}{threads} APP"


def deployment(sound, is_interrupted):
    """Which of the measured settings to deploy."""
    if len(sound) < 2:
        return
    chosen, is_near = choose(sound)
    fastest = max(sound, key=lambda setting: setting.rate)
    quickest = min(sound, key=lambda setting: setting.ms("client", "p95"))
    if is_near:
        memory_text = (
            f"the smallest memory ({mib(chosen.pss_mib)})"
            if chosen.pss_mib is not None
            else "the fewest processes and threads"
        )
        why = f"{memory_text} of the settings within {percent(NOISE)} of the best throughput and the best p95"
    else:
        why = "no setting is best in throughput and p95 alike; this one is least far from both"
    bests = (
        {"best throughput and p95": fastest}
        if fastest is quickest
        else {"best throughput": fastest, "best p95": quickest}
    )
    because = [
        chosen.describe(),
        *(f"{title}: {best.describe()}" for title, best in bests.items() if best is not chosen),
        f"limit: {percent(NOISE)}, of {plural(len(sound), 'setting')}",
    ]
    shortest = min(sound, key=lambda setting: setting.seconds)
    if shortest.seconds < LEAST_SECONDS:
        because.append(
            f"{shortest.name} was measured for {duration(shortest.seconds * 1000)} only: more --requests make it surer"
        )
    if is_interrupted:
        because.append("the comparison was interrupted: only what was measured until then is compared")
    caution = " Its threads share one memory, so the application has to be thread-safe." if chosen.threads > 1 else ""
    yield f"Deploy `{command_line(chosen)}`: {why}.{caution}", because


def memory(measured, sound):
    """What --preload saves, and what one more worker costs."""
    pss = {
        (entry.get("server"), entry.get("workers"), entry.get("threads"), bool(entry.get("preload"))): entry.get(
            "pss_bytes"
        )
        for entry in measured
    }
    pairs = [(key, size, pss.get((*key[:3], True))) for key, size in pss.items() if not key[3] and key[0] == OWN]
    pairs = [(key, plain / BYTES_PER_MIB, shared / BYTES_PER_MIB) for key, plain, shared in pairs if plain and shared]
    if pairs:
        yield describe_preload(*max(pairs, key=lambda pair: pair[0][1] or 0))
    yield from growth([setting for setting in sound if setting.pss_mib is not None])


def describe_preload(key, plain, shared):
    saved, workers = plain - shared, plural(key[1], "worker")
    because = [f"{workers}, right after the start: {mib(plain)} without --preload, {mib(shared)} with it"]
    if saved / plain > NOISE:
        because.append(f"difference: {mib(saved)}, {percent(saved / plain)}")
        return f"`--preload` saves {mib(saved)} of {mib(plain)} ({percent(saved / plain)}) with {workers}.", because
    change = f"it needs {mib(-saved)} more" if saved < 0 else f"it saves {mib(saved)}"
    because.append(f"difference: {mib(abs(saved))}")
    return f"`--preload` is not worth it for memory here: {change} of {mib(plain)} with {workers}.", because


def growth(known):
    """What each further worker costs, between the fewest and the most workers of the same threads."""
    if not known:
        return
    threads = min(setting.threads for setting in known)
    series = sorted((setting for setting in known if setting.threads == threads), key=lambda setting: setting.workers)
    if len(series) < 2 or series[0].workers == series[-1].workers:
        return
    few, many = series[0], series[-1]
    each = (many.pss_mib - few.pss_mib) / (many.workers - few.workers)
    if each <= 0:
        return
    text = f"Each further worker costs {mib(each)}"
    because = [f"{few.name}: {mib(few.pss_mib)}; {many.name}: {mib(many.pss_mib)}; {mib(each)} for each worker between"]
    wide = [setting for setting in known if setting.workers == few.workers and setting.threads > threads]
    if wide:
        widest = max(wide, key=lambda setting: setting.threads)
        extra = max(0.0, (widest.pss_mib - few.pss_mib) / (widest.threads - threads))
        text += f", each further thread {mib(extra)}"
        because.append(f"{widest.name}: {mib(widest.pss_mib)}; {mib(extra)} for each thread beyond {number(threads)}")
    yield f"{text}.", because
