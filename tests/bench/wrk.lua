-- SPDX-License-Identifier: MIT
-- For wrk: `wrk -s wrk.lua URL -- BYTES` posts that many bytes; without BYTES it asks with GET. The figures come as a line of JSON.

function init(arguments)
  if arguments[1] then
    wrk.method = "POST"
    wrk.body = string.rep("x", tonumber(arguments[1]))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format('JSON {"requests": %d, "duration_us": %d, "p50_us": %d, "p90_us": %d, "p99_us": %d, "max_us": %d, ',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
  io.write(string.format('"errors": {"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
