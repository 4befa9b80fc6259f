// What alerts and panels are about, computed once. Names are level:metric:operation; `engram:` is the whole deployment.
local lib = import 'lib.libsonnet';

{
  local c = $._config,
  local w(seconds) = lib.window(c, seconds),
  local rule(record, expr) = { record: record, expr: expr },
  // Of all that came in: rejected records are part of the denominator.
  local rejectedShare(reasons) =
    'sum(reason:engram_rejected:rate{%s}) / (engram:observations:rate + sum(reason:engram_rejected:rate))' % reasons,

  recordingRules:: [
    {
      name: 'engram-recording',
      rules: [
        rule('lane:engram_queue_depth:sum', 'sum by (priority) (engram_streaming_queue_depth{%(selector)s})' % c),
        rule(
          'lane:engram_queue_utilisation:ratio',
          'lane:engram_queue_depth:sum / max by (priority) (engram_streaming_queue_capacity{%(selector)s})' % c
        ),
        rule(
          'engram:queue_utilisation:ratio',
          'sum(lane:engram_queue_depth:sum) / sum(max by (priority) (engram_streaming_queue_capacity{%(selector)s}))' % c
        ),
        rule('space:engram_observations:rate', 'sum by (memory_space) (rate(engram_streaming_observations_total{%s}[%s]))' % [c.selector, w(60)]),
        rule('engram:observations:rate', 'sum(rate(engram_streaming_observations_total{%s}[%s]))' % [c.selector, w(300)]),
        rule('reason:engram_rejected:rate', 'sum by (reason) (rate(engram_streaming_observations_rejected_total{%s}[%s]))' % [c.selector, w(300)]),
        // Retries of what is there already harm nobody.
        rule('engram:rejected:ratio', rejectedShare('reason!="duplicate"')),
        rule('engram:shed:ratio', rejectedShare('reason="over_capacity"')),
        rule(
          'engram:observation_latency_seconds:p99',
          'histogram_quantile(0.99, sum by (le) (rate(engram_streaming_observation_latency_seconds_bucket{%s}[%s])))' % [c.selector, w(300)]
        ),
        rule(
          'engram:recall_latency_seconds:p99',
          'histogram_quantile(0.99, sum by (le) (rate(engram_streaming_recall_latency_seconds_bucket{%s}[%s])))' % [c.selector, w(300)]
        ),
        rule(
          'lane:engram_queue_wait_seconds:p99',
          'histogram_quantile(0.99, sum by (le, priority) (rate(engram_streaming_queue_wait_time_seconds_bucket{%s}[%s])))' % [c.selector, w(300)]
        ),
        rule('engram:backpressure_activations:rate', 'sum(rate(engram_streaming_backpressure_activations_total{%s}[%s]))' % [c.selector, w(300)]),
        rule('engram:backpressure_state:max', 'max(engram_streaming_backpressure_state{%(selector)s})' % c),
        rule('engram:worker_utilisation:avg', 'avg(engram_streaming_worker_utilization{%(selector)s})' % c),
        rule(
          'engram:worker_utilisation:delta',
          'max(avg_over_time(engram_streaming_worker_utilization{%(s)s}[%(w)s])) - min(avg_over_time(engram_streaming_worker_utilization{%(s)s}[%(w)s]))'
          % { s: c.selector, w: w(300) }
        ),
        rule(
          'engram:work_stolen:ratio',
          'sum(rate(engram_streaming_work_stolen_total{%(s)s}[%(w)s])) / sum(rate(engram_streaming_batches_processed_total{%(s)s}[%(w)s]))'
          % { s: c.selector, w: w(300) }
        ),
        rule('engram:active_sessions:sum', 'sum(engram_streaming_active_sessions_total{%(selector)s})' % c),
        rule('engram:partitions_active:sum', 'sum(engram_partitions{%(selector)s, role="active"})' % c),
        rule('engram:partitions_standby:sum', 'sum(engram_partitions{%(selector)s, role="standby"})' % c),
        rule('engram:standby_lag:max', 'max(engram_standby_lag_records{%(selector)s})' % c),
      ],
    },
    {
      name: 'engram-slo',
      rules: std.flattenArrays([
        [
          rule(
            'engram:recallability_errors:ratio_%s' % lib.pretty(seconds),
            |||
              1 - sum(rate(engram_streaming_observation_latency_seconds_bucket{%(s)s, le="0.1"}[%(w)s]))
                / sum(rate(engram_streaming_observation_latency_seconds_count{%(s)s}[%(w)s]))
            ||| % { s: c.selector, w: w(seconds) }
          ),
          rule(
            'engram:recall_errors:ratio_%s' % lib.pretty(seconds),
            |||
              sum(rate(engram_recalls_total{%(s)s, outcome!~"answered|invalid|client_closed"}[%(w)s]))
                / sum(rate(engram_recalls_total{%(s)s, outcome!~"invalid|client_closed"}[%(w)s]))
            ||| % { s: c.selector, w: w(seconds) }
          ),
        ]
        for seconds in [300, 1800, 3600, 7200, 21600, 86400, 259200]
      ]),
    },
  ],
}
