// Helpers of the rules: windows that a test can shorten, and alerts in one shape.
{
  // A Prometheus duration of so many seconds, divided by the configured speed; never below a second.
  duration(seconds, speed):: '%ds' % std.max(1, std.round(seconds / speed)),

  pretty(seconds)::
    if seconds % 86400 == 0 then '%dd' % (seconds / 86400)
    else if seconds % 3600 == 0 then '%dh' % (seconds / 3600)
    else if seconds % 60 == 0 then '%dm' % (seconds / 60)
    else '%ds' % seconds,

  // std.round came later than the jsonnet of stable distributions.
  local lib = self,
  window(config, seconds)::
    if config.speed == 1 then lib.pretty(seconds)
    else '%ds' % std.max(2, std.floor(seconds / config.speed + 0.5)),
}
