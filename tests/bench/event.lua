-- One structured JSON event of about 1 KiB a request, each with an id of its own.
-- wrk runs this file once per thread; `run` makes ids unique over runs.
local run = os.getenv("BENCH_RUN") or "0"
local thread_count = 0

function setup(thread)
  thread:set("thread_id", thread_count)
  thread_count = thread_count + 1
end

local head, tail
local count = 0

function init(args)
  local prefix = string.format("bench-%s-%d-", run, thread_id)
  local before = '{"specversion":"1.0","id":"' .. prefix
  local after = '","source":"/bench/producer","type":"com.example.bench.measured","time":"2026-11-21T08:00:00.123Z",'
    .. '"subject":"sensor-17","datacontenttype":"application/json","data":{"sensor":"sensor-17","total":129.5,"count":42,'
    .. '"unit":"kWh","tags":["a","b","c"],"note":"' .. string.rep("x", 640) .. '"}}'
  local length = #before + 10 + #after
  head = "POST / HTTP/1.1\r\nHost: bench\r\nContent-Type: application/cloudevents+json\r\nContent-Length: "
    .. length .. "\r\n\r\n" .. before
  tail = after
end

-- Milliseconds that a connection pauses after each answer: less load than the server can take.
local pause = tonumber(os.getenv("BENCH_DELAY") or "0")
if pause > 0 then
  function delay()
    return pause
  end
end

function request()
  count = count + 1
  return head .. string.format("%010d", count) .. tail
end

function done(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    summary.errors.status, summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
