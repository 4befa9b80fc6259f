// promtool tests of every alert: it fires, it does not fire just below, and it says nothing without data. Figures are
// written out here, not taken from config.libsonnet: a changed threshold has to be changed on purpose.
local mixin = import 'mixin.libsonnet';
local rules = [rule for group in mixin.alertRules + mixin.kubernetesRules for rule in group.rules];
local ruleOf(name) = [rule for rule in rules if rule.alert == name][0];

local a = 'instance="a:9090", job="engram-streaming"';
local b = 'instance="b:9090", job="engram-streaming"';
local s(metric, labels, values) = { series: '%s{%s}' % [metric, labels], values: values };
local up = s('up', a, '1x700');
local capacity = [
  s('engram_streaming_queue_capacity', i + ', priority="' + lane[0] + '"', lane[1])
  for i in [a, b]
  for lane in [['high', '10000x1000'], ['normal', '100000x1000'], ['low', '50000x1000']]
];
local depth(high, normal, low, i=a) = [
  s('engram_streaming_queue_depth', i + ', priority="high"', high),
  s('engram_streaming_queue_depth', i + ', priority="normal"', normal),
  s('engram_streaming_queue_depth', i + ', priority="low"', low),
];
local observed(values) = [s('engram_streaming_observations_total', a + ', memory_space="m", priority="normal"', values)];
local rejected(reason, values) = [s('engram_streaming_observations_rejected_total', a + ', memory_space="m", reason="' + reason + '"', values)];
local sessions(values) = [s('engram_streaming_active_sessions_total', a, values)];
local worker(id, values, i=a) = s('engram_streaming_worker_utilization', i + ', worker_id="' + id + '"', values);
// A histogram of two buckets around `le`: so many per step below it, so many above.
local latency(metric, labels, buckets) = [
  s(metric + '_bucket', a + ', ' + labels + ', le="' + bucket[0] + '"', bucket[1])
  for bucket in buckets
];
local observationLatency(fast, all) = latency('engram_streaming_observation_latency_seconds', 'memory_space="m"', [['0.1', fast], ['0.5', all], ['+Inf', all]])
                                      + [s('engram_streaming_observation_latency_seconds_count', a + ', memory_space="m"', all)];
local partitions(role, values, i=a) = s('engram_partitions', i + ', role="' + role + '"', values);
local configured = s('engram_partitions_configured', a, '8x1000');

// fires: [series, time, labels beside the rule's own, summary, description or null for the rule's as it stands]
// quiet: list of [series, time]
local cases = [
  {
    alert: 'EngramAbsent',
    fires: [[], '3m', { job: 'engram-streaming' }, 'Prometheus knows no engram-streaming target at all', null],
    quiet: [[[up], '10m'], [[s('up', 'instance="a:9090", job="engram-streaming"', '0x40')], '5m']],
    noData: false,
  },
  {
    alert: 'EngramWorkerDown',
    fires: [[s('up', a, '1x8 0x20'), s('up', b, '1x40')], '4m', { instance: 'a:9090', job: 'engram-streaming' }, 'a:9090 has not answered a scrape for a minute', null],
    quiet: [[[s('up', a, '1x8 0x2 1x20')], '4m'], [[s('up', 'instance="a:9090", job="another"', '0x40')], '5m']],
  },
  {
    alert: 'EngramNotReady',
    fires: [[up, s('engram_ready', a, '0x40'), s('engram_ready', b, '1x40')], '6m', { instance: 'a:9090', job: 'engram-streaming' }, 'a:9090 has not been ready for recall for five minutes', null],
    quiet: [[[up, s('engram_ready', a, '0x12 1x40')], '6m']],
  },
  {
    alert: 'EngramPartitionUnserved',
    fires: [[up, configured, partitions('active', '7x40')], '3m', {}, '-1 partitions: some are processed by nobody', null],
    quiet: [[[up, configured, partitions('active', '5x40'), partitions('active', '3x40', b)], '5m']],
  },
  {
    alert: 'EngramQueueDepthHigh',
    // A full low lane is as loud as any other.
    fires: [
      [up] + capacity + depth('100x40', '2000x40', '41000x40'),
      '4m',
      {},
      'A queue is 82% full',
      'Lanes: low 82%; normal 2%; high 1%; Warning from 80 % of a lane or 50 % of all.',
    ],
    quiet: [
      [[up] + capacity + depth('7900x40', '0x40', '39000x40'), '10m'],
      // Many instances share the lane's capacity; it is not a capacity each, nor a threshold each.
      [[up] + capacity + depth('0x40', '38000x40', '0x40') + depth('0x40', '38000x40', '0x40', b), '10m'],
      // A burst that is gone within two minutes.
      [[up] + capacity + depth('0x4 9000x2 0x40', '0x40', '0x40'), '4m'],
    ],
  },
  {
    alert: 'EngramQueueDepthCritical',
    // Shedding makes the depth a saw: its peaks count. Two instances have half of it each.
    fires: [
      [up] + capacity + depth('4600 1000 4600 1000 4600 1000 4600 1000 4600 1000 4600 1000 4600 1000 4600 1000', '1000x40', '0x40') + depth('4600 1000 4600 1000 4600 1000 4600 1000 4600 1000 4600 1000 4600 1000 4600 1000', '0x40', '0x40', b),
      '3m',
      {},
      'A queue is 92% full: observations are being shed, or about to be',
      'Lanes: high 92%; normal 1%; low 0%; Critical from 90 % of a lane or 56.25 % of all, or when 1 % of what comes in is shed.',
    ],
    quiet: [
      [[up] + capacity + depth('8900x40', '0x40', '0x40'), '10m'],
      // As full as it was with one instance: more of them change nothing.
      [[up] + capacity + depth('0x40', '44000x40', '0x40') + depth('0x40', '44000x40', '0x40', b), '10m'],
    ],
  },
  {
    alert: 'EngramQueueDepthCritical',
    // 90,000 of 160,000, although no lane is above 90 %.
    fires: [
      [up] + capacity + depth('8000x40', '50000x40', '33000x40'),
      '3m',
      {},
      'A queue is 56.88% full: observations are being shed, or about to be',
      'Lanes: high 80%; low 66%; normal 50%; Critical from 90 % of a lane or 56.25 % of all, or when 1 % of what comes in is shed.',
    ],
    quiet: [],
  },
  {
    alert: 'EngramQueueDepthCritical',
    // A lane that is emptied between two scrapes, or one partition of many: only what it shed is seen.
    fires: [
      [up] + capacity + depth('100x40', '4000x40', '20000x40') + observed('0+980x40') + rejected('over_capacity', '0+20x40'),
      '3m',
      {},
      'A queue is 100% full: observations are being shed, or about to be',
      'Lanes: low 40%; normal 4%; high 1%; Critical from 90 % of a lane or 56.25 % of all, or when 1 % of what comes in is shed.',
    ],
    quiet: [
      [[up] + capacity + depth('0x40', '0x40', '20000x40') + observed('0+9950x40') + rejected('over_capacity', '0+50x40'), '8m'],
      [[up] + capacity + depth('0x40', '0x40', '20000x40') + observed('0+980x40') + rejected('invalid_observation', '0+20x40'), '8m'],
      // Shed for want of index memory: that is no queue.
      [
        [up, s('engram_hnsw_index_memory_bytes', a, '990x60'), s('engram_hnsw_index_memory_limit_bytes', a, '1000x60')]
        + capacity + depth('0x40', '0x40', '20000x40') + observed('0+980x40') + rejected('over_capacity', '0+20x40'),
        '8m',
      ],
    ],
  },
  {
    alert: 'EngramBacklogReturning',
    fires: [
      [up, s('engram_streaming_redelivered_total', a + ', priority="low"', '0x8 0+75x20')],
      '4m',
      {},
      '5 shed observations a second come back',
      null,
    ],
    quiet: [[[up, s('engram_streaming_redelivered_total', a + ', priority="low"', '700x40')], '8m']],
  },
  {
    alert: 'EngramObservationLatencyHigh',
    fires: [[up] + observationLatency('0+90x60', '0+100x60'), '11m', {}, 'Observations take 460ms (p99) to become recallable', null],
    quiet: [[[up] + observationLatency('0+100x60', '0+100x60'), '11m'], [[up] + observationLatency('0+90x60', '0+100x60'), '4m']],
  },
  {
    alert: 'EngramRecallLatencyHigh',
    fires: [
      [up] + latency('engram_streaming_recall_latency_seconds', 'memory_space="m"', [['0.05', '0+50x60'], ['0.1', '0+100x60'], ['+Inf', '0+100x60']]),
      '11m',
      {},
      'Recalls take 99ms (p99)',
      null,
    ],
    quiet: [[[up] + latency('engram_streaming_recall_latency_seconds', 'memory_space="m"', [['0.05', '0+100x60'], ['0.1', '0+100x60'], ['+Inf', '0+100x60']]), '11m']],
  },
  {
    alert: 'EngramQueueWaitHigh',
    fires: [
      [up]
      + latency('engram_streaming_queue_wait_time_seconds', 'priority="high"', [['0.1', '0+100x60'], ['0.5', '0+100x60'], ['+Inf', '0+100x60']])
      + latency('engram_streaming_queue_wait_time_seconds', 'priority="normal"', [['0.1', '0+0x60'], ['0.5', '0+100x60'], ['+Inf', '0+100x60']]),
      '11m',
      {},
      'Records wait 496ms (p99) before they are processed',
      'By lane: normal 496ms; high 99ms; the normal lane may wait for the high one, and the low lane for both.',
    ],
    quiet: [[[up] + latency('engram_streaming_queue_wait_time_seconds', 'priority="high"', [['0.1', '0+100x60'], ['0.5', '0+100x60'], ['+Inf', '0+100x60']]), '11m']],
  },
  {
    alert: 'EngramBackpressureFrequent',
    fires: [[up, s('engram_streaming_backpressure_activations_total', a + ', memory_space="m", level="warning"', '0+1650x60')], '11m', {}, 'Backpressure changes its level 110 times a second', null],
    quiet: [[[up, s('engram_streaming_backpressure_activations_total', a + ', memory_space="m", level="warning"', '0+1350x60')], '11m']],
  },
  {
    alert: 'EngramBackpressurePersistent',
    // Between critical and overloaded; one space of two.
    fires: [
      [up, s('engram_streaming_backpressure_state', a + ', memory_space="m"', '2x20 3x60'), s('engram_streaming_backpressure_state', a + ', memory_space="n"', '0x80')],
      '11m',
      {},
      'Backpressure has been critical or overloaded for ten minutes (level 3)',
      null,
    ],
    quiet: [
      [[up, s('engram_streaming_backpressure_state', a + ', memory_space="m"', '1x80')], '15m'],
      [[up, s('engram_streaming_backpressure_state', a + ', memory_space="m"', '3x20 0x4 3x40')], '11m'],
    ],
  },
  {
    alert: 'EngramBatchFailures',
    // One single failure, at once: the series is there at zero before.
    fires: [
      [up, s('engram_streaming_batch_failures_total', a + ', worker_id="0", error_type="insert"', '0x20 1x40')],
      '5m15s',
      {},
      '1 insertions into the index failed in five minutes',
      'By type: insert 1; what failed is stored, scanned exactly by recall, and tried again.',
    ],
    quiet: [
      [[up, s('engram_streaming_batch_failures_total', a + ', worker_id="0", error_type="insert"', '7x60')], '10m'],
      [[up, s('engram_streaming_batch_failures_total', a + ', worker_id="0", error_type="insert"', '0x20 1x60')], '15m'],
    ],
  },
  {
    alert: 'EngramRejectionRateHigh',
    fires: [
      [up] + observed('0+980x60') + rejected('over_capacity', '0+20x60'),
      '8m',
      {},
      '2% of what comes in is rejected',
      'By reason, per second: over_capacity 1.333; ',
    ],
    quiet: [
      [[up] + observed('0+995x60') + rejected('over_capacity', '0+5x60'), '8m'],
      // Benign retries.
      [[up] + observed('0+100x60') + rejected('duplicate', '0+100x60'), '8m'],
      // Nothing comes in: nothing is rejected, and 0/0 is no incident.
      [[up] + observed('5x60') + rejected('over_capacity', '5x60'), '8m'],
    ],
  },
  {
    alert: 'EngramRejectionRateCritical',
    // Everything is rejected: that is 100 %, neither 300 % nor infinity.
    fires: [
      [up] + observed('0x60') + rejected('over_capacity', '0+45x60') + rejected('invalid_sequence', '0+15x60'),
      '8m',
      {},
      '100% of what comes in is rejected',
      'By reason, per second: over_capacity 3; invalid_sequence 1; ',
    ],
    quiet: [[[up] + observed('0+92x60') + rejected('over_capacity', '0+8x60'), '8m']],
  },
  {
    alert: 'EngramInternalErrors',
    fires: [[up] + rejected('internal_error', '0x20 2x20'), '5m15s', {}, '2 records failed unexpectedly in five minutes', null],
    quiet: [[[up] + rejected('internal_error', '4x40') + rejected('over_capacity', '0+5x40'), '8m']],
  },
  {
    alert: 'EngramRecordsDeleted',
    fires: [
      [up, s('engram_streaming_records_deleted_total', a + ', priority="low"', '0x20 100x20')],
      '5m15s',
      {},
      "100 records were deleted by their topic's retention before they were processed",
      null,
    ],
    quiet: [[[up, s('engram_streaming_records_deleted_total', a + ', priority="low"', '100x40')], '8m']],
  },
  {
    alert: 'EngramClockSkew',
    fires: [
      [up, s('engram_clock_skew_seconds', a, '-3000x20'), s('engram_clock_skew_seconds', b, '0.2x20')],
      '8m',
      { instance: 'a:9090' },
      "The clock of a:9090 is 50m 0s off the broker's",
      "Latencies and times that it shows are wrong by that much; what is deleted for its age goes by the broker's clock. Check NTP on both.",
    ],
    quiet: [
      [[up, s('engram_clock_skew_seconds', a, '59x20')], '12m'],
      [[up, s('engram_clock_skew_seconds', a, '3000x3 0x20')], '12m'],
    ],
  },
  {
    alert: 'EngramTopicsChanged',
    // Each instance sees the same topics: they count once.
    fires: [
      [up] + [s('engram_topic_problems', i + ', problem="' + problem[0] + '"', problem[1]) for i in [a, b] for problem in [['partitions', '0x4 1x20'], ['made_again', '0x4 2x20'], ['missing', '0x24']]],
      '3m',
      {},
      '3 topics were changed under the instances, or do not fit each other',
      'By problem: made_again 2; partitions 1; the log and /readyz name the topics. Delete and reset nothing before you have read the runbook.',
    ],
    quiet: [[[up, s('engram_topic_problems', a + ', problem="missing"', '0x40')], '8m']],
  },
  {
    alert: 'EngramThroughputLow',
    fires: [[up] + observed('0+1200x100') + sessions('3x100'), '17m', {}, 'Only 80 observations a second, although sessions are active', null],
    quiet: [
      [[up] + observed('0+1800x100') + sessions('3x100'), '17m'],
      // Nobody is connected.
      [[up] + observed('0x100') + sessions('0x100'), '17m'],
    ],
  },
  {
    alert: 'EngramLoadImbalance',
    fires: [[up, worker('0', '95x100'), worker('0', '20x100', b)], '17m', {}, 'The busiest and the idlest index worker are 75 percentage points apart', null],
    quiet: [
      [[up, worker('0', '70x100'), worker('1', '35x100')], '17m'],
      // Busy in turn: no imbalance over five minutes.
      [[up, worker('0', '100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0'), worker('1', '0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100 0 100')], '11m'],
    ],
  },
  {
    alert: 'EngramWorkersUnderUtilised',
    step: '1m',
    fires: [[up, worker('0', '30x400')] + observed('0+100x400'), '70m', {}, 'Index workers have been 30 % busy on average for an hour', null],
    quiet: [[[up, worker('0', '45x400')] + observed('0+100x400'), '70m']],
  },
  {
    alert: 'EngramStealingExcessive',
    fires: [
      [up, s('engram_streaming_work_stolen_total', a + ', worker_id="0"', '0+4x100'), s('engram_streaming_batches_processed_total', a + ', worker_id="0"', '0+10x100')],
      '17m',
      {},
      '40% of all batches are stolen from another worker',
      null,
    ],
    quiet: [[[up, s('engram_streaming_work_stolen_total', a + ', worker_id="0"', '0+2x100'), s('engram_streaming_batches_processed_total', a + ', worker_id="0"', '0+10x100')], '17m']],
  },
  {
    alert: 'EngramSessionsDropped',
    fires: [[up] + sessions('40x60 10x60'), '18m', {}, '25% of the sessions of ten minutes ago are left', null],
    quiet: [
      [[up] + sessions('40x60 30x60'), '18m'],
      // So few that one client is half of them.
      [[up] + sessions('4x60 1x60'), '18m'],
    ],
  },
  {
    alert: 'EngramSnapshotStale',
    fires: [[up, s('engram_hnsw_snapshot_age_seconds', a, '1200x40')], '3m', {}, 'An index snapshot is 20m 0s behind', null],
    quiet: [[[up, s('engram_hnsw_snapshot_age_seconds', a, '800x40')], '5m']],
  },
  {
    alert: 'EngramSnapshotLost',
    fires: [[up, s('engram_hnsw_snapshot_failures_total', a + ', operation="load"', '0x40 1x20')], '10m15s', {}, '1 index snapshots could not be saved or were unusable in ten minutes', null],
    quiet: [[[up, s('engram_hnsw_snapshot_failures_total', a + ', operation="load"', '1x60')], '12m']],
  },
  {
    alert: 'EngramStateDiskFull',
    fires: [
      [up, s('engram_stream_threads_held', a, '0x8 1x20'), s('engram_stream_threads_held', b, '0x28')],
      '3m',
      { instance: 'a:9090' },
      '1 stream threads of a:9090 wait: its disk is full or cannot be written',
      'It goes on by itself when there is room; /readyz says what is wrong. Nothing is lost. Delete nothing below state.dir.',
    ],
    quiet: [
      [[up, s('engram_stream_threads_held', a, '0x28')], '6m'],
      [[up, s('engram_stream_threads_held', a, '1x8 0x40')], '8m'],
    ],
  },
  {
    alert: 'EngramStateDiskFilling',
    fires: [
      [up, s('engram_state_dir_free_bytes', a, '4x40'), s('engram_state_dir_size_bytes', a, '100x40'), s('engram_state_dir_free_bytes', b, '50x40'), s('engram_state_dir_size_bytes', b, '100x40')],
      '8m',
      { instance: 'a:9090' },
      'Only 4% of the disk of a:9090 are free',
      'When it is full, the instance processes nothing until there is room again. Enlarge the disk, or add instances.',
    ],
    quiet: [
      [[up, s('engram_state_dir_free_bytes', a, '11x40'), s('engram_state_dir_size_bytes', a, '100x40')], '8m'],
      [[up, s('engram_state_dir_free_bytes', a, '4x12 60x40'), s('engram_state_dir_size_bytes', a, '100x60')], '8m'],
    ],
  },
  {
    alert: 'EngramStandbyLagging',
    fires: [[up, s('engram_standby_lag_records', a + ', partition="3"', '50000x60')], '6m', {}, 'A standby is 50k records behind', null],
    quiet: [[[up, s('engram_standby_lag_records', a + ', partition="3"', '50000x16 100x60')], '8m']],
  },
  {
    alert: 'EngramStandbyMissing',
    fires: [
      [up, s('up', b, '1x100'), partitions('active', '4x100'), partitions('active', '4x100', b), partitions('standby', '4x100')],
      '11m',
      {},
      '-4 partitions: some have no standby that could take over',
      null,
    ],
    quiet: [
      [[up, s('up', b, '1x100'), partitions('active', '4x100'), partitions('active', '4x100', b), partitions('standby', '4x100'), partitions('standby', '4x100', b)], '11m'],
      // A single instance has nobody to be its standby.
      [[up, partitions('active', '8x100'), partitions('standby', '0x100')], '11m'],
    ],
  },
  {
    alert: 'EngramLaneStalled',
    fires: [
      [
        up,
        s('engram_streaming_lane_stalled_seconds', a + ', priority="normal"', '0x4 0+15x40'),
        s('engram_streaming_lane_stalled_seconds', a + ', priority="low"', '0x40'),
        s('engram_streaming_lane_blocked_records', a + ', priority="normal"', '0x4 1001x40'),
        s('engram_streaming_lane_blocked_records', a + ', priority="low"', '0x40'),
      ],
      '4m',
      {},
      'An open transaction of a producer has been holding up a lane for 2m 45s',
      'Waiting behind it, in offsets: normal 1.001k; none of them is processed, or counted in the queue, before it ends.',
    ],
    quiet: [
      [[up, s('engram_streaming_lane_stalled_seconds', a + ', priority="normal"', '0+15x4 0+15x4 0+15x4 0+15x4')], '4m'],
      [[up, s('engram_streaming_lane_stalled_seconds', a + ', priority="normal"', '0x40')], '4m'],
    ],
  },
  {
    alert: 'EngramIndexMemoryHigh',
    fires: [[up, s('engram_hnsw_index_memory_bytes', a, '950x60'), s('engram_hnsw_index_memory_limit_bytes', a, '1000x60')], '6m', {}, 'The indexes of an instance take 95% of what they may', null],
    quiet: [[[up, s('engram_hnsw_index_memory_bytes', a, '850x60'), s('engram_hnsw_index_memory_limit_bytes', a, '1000x60')], '6m']],
  },
  {
    alert: 'EngramScaleOutUtilisation',
    fires: [[up, worker('0', '90x60'), worker('1', '84x60')], '6m', {}, 'Index workers have been 87 % busy on average for five minutes: add instances', null],
    quiet: [[[up, worker('0', '95x60'), worker('1', '60x60')], '6m']],
  },
  {
    alert: 'EngramScaleOutLatency',
    fires: [[up] + observationLatency('0+90x80', '0+100x80'), '16m', {}, 'Observations have taken 460ms (p99) for ten minutes: add instances', null],
    quiet: [[[up] + observationLatency('0+90x80', '0+100x80'), '8m']],
  },
  {
    alert: 'EngramScaleOutQueue',
    fires: [[up] + capacity + depth('100x100', '72000x100', '0x100'), '12m', {}, 'A queue has been 72% full for ten minutes: add instances', 'Lanes: normal 72%; high 1%; low 0%; '],
    quiet: [[[up] + capacity + depth('0x100', '68000x100', '0x100'), '12m']],
  },
  {
    alert: 'EngramScaleOutBackpressure',
    fires: [[up, s('engram_streaming_backpressure_state', a + ', memory_space="m"', '1x20')], '2m', {}, 'Backpressure has been at level 1 or above for a minute: add instances', null],
    quiet: [[[up, s('engram_streaming_backpressure_state', a + ', memory_space="m"', '0x4 1x2 0x20')], '3m']],
  },
  {
    alert: 'EngramScaleIn',
    step: '1m',
    fires: [
      [up, worker('0', '12x400')] + [s('engram_streaming_queue_capacity', a + ', priority="normal"', '100000x400'), s('engram_streaming_queue_depth', a + ', priority="normal"', '10x400')],
      '70m',
      {},
      'Index workers have been 12 % busy on average for an hour, with empty queues: remove instances',
      null,
    ],
    quiet: [
      [[up, worker('0', '12x400')] + [s('engram_streaming_queue_capacity', a + ', priority="normal"', '100000x400'), s('engram_streaming_queue_depth', a + ', priority="normal"', '9000x400')], '70m'],
      [[up, worker('0', '35x400')] + [s('engram_streaming_queue_capacity', a + ', priority="normal"', '100000x400'), s('engram_streaming_queue_depth', a + ', priority="normal"', '10x400')], '70m'],
    ],
  },
  {
    alert: 'EngramRecallabilityBudgetBurnFast',
    step: '1m',
    fires: [[up] + observationLatency('0+80x300', '0+100x300'), '65m', {}, "20% of observations are not recallable within 100 ms: the month's budget is gone within days", null],
    quiet: [
      [[up] + observationLatency('0+95x300', '0+100x300'), '65m'],
      [[up] + observationLatency('5x300', '5x300'), '65m'],
      // It is over for a quarter of an hour, although the last half hour and six hours look bad.
      [[up] + observationLatency('0+80x45 3680+100x300', '0+100x300'), '60m'],
    ],
  },
  {
    alert: 'EngramRecallabilityBudgetBurnSlow',
    step: '1m',
    fires: [[up] + observationLatency('0+96x700', '0+100x700'), '150m', {}, "4% of observations are not recallable within 100 ms: the month's budget will not last", null],
    quiet: [
      [[up] + observationLatency('0+995x700', '0+1000x700'), '150m'],
      // Half an hour of an overload, two hours ago.
      [[up] + observationLatency('0+100x30 3000+0x30 3100+100x300', '0+100x400'), '180m'],
    ],
  },
  {
    alert: 'EngramRecallAvailabilityBudgetBurnFast',
    step: '1m',
    fires: [
      [up, s('engram_recalls_total', a + ', outcome="answered"', '0+97x300'), s('engram_recalls_total', a + ', outcome="unavailable"', '0+3x300')],
      '65m',
      {},
      "3% of recalls fail: the month's budget is gone within days",
      null,
    ],
    quiet: [
      // What a client got wrong is not ours to answer for.
      [[up, s('engram_recalls_total', a + ', outcome="answered"', '0+97x300'), s('engram_recalls_total', a + ', outcome="invalid"', '0+50x300'), s('engram_recalls_total', a + ', outcome="client_closed"', '0+50x300'), s('engram_recalls_total', a + ', outcome="unavailable"', '0x300')], '65m'],
    ],
  },
  {
    alert: 'EngramRecallAvailabilityBudgetBurnSlow',
    step: '1m',
    fires: [
      [up, s('engram_recalls_total', a + ', outcome="answered"', '0+996x700'), s('engram_recalls_total', a + ', outcome="timeout"', '0+4x700')],
      '150m',
      {},
      "0.4% of recalls fail: the month's budget will not last",
      null,
    ],
    quiet: [[[up, s('engram_recalls_total', a + ', outcome="answered"', '0+9995x700'), s('engram_recalls_total', a + ', outcome="timeout"', '0+5x700')], '150m']],
  },
  {
    alert: 'EngramCpuThrottled',
    fires: [
      [
        s('container_cpu_cfs_throttled_periods_total', 'namespace="n", pod="engram-workers-1", container="engram"', '0+60x60'),
        s('container_cpu_cfs_periods_total', 'namespace="n", pod="engram-workers-1", container="engram"', '0+150x60'),
      ],
      '11m',
      { pod: 'engram-workers-1' },
      'engram-workers-1 is throttled in 40% of its CPU periods: raise its limit',
      null,
    ],
    quiet: [[[
      s('container_cpu_cfs_throttled_periods_total', 'namespace="n", pod="engram-workers-1", container="engram"', '0+15x60'),
      s('container_cpu_cfs_periods_total', 'namespace="n", pod="engram-workers-1", container="engram"', '0+150x60'),
    ], '11m']],
  },
  {
    alert: 'EngramMemoryPressure',
    fires: [
      [
        s('container_memory_working_set_bytes', 'namespace="n", pod="engram-workers-1", container="engram"', '95x60'),
        s('kube_pod_container_resource_limits', 'namespace="n", pod="engram-workers-1", container="engram", resource="memory"', '100x60'),
      ],
      '6m',
      { pod: 'engram-workers-1' },
      'engram-workers-1 uses 95% of its memory limit: raise it',
      null,
    ],
    quiet: [[[
      s('container_memory_working_set_bytes', 'namespace="n", pod="engram-workers-1", container="engram"', '80x60'),
      s('kube_pod_container_resource_limits', 'namespace="n", pod="engram-workers-1", container="engram", resource="memory"', '100x60'),
    ], '6m']],
  },
];

local expected(case) =
  local rule = ruleOf(case.alert);
  {
    exp_labels: rule.labels + case.fires[2],
    exp_annotations: rule.annotations + { summary: case.fires[3] } + (if case.fires[4] == null then {} else { description: case.fires[4] }),
  };

local test(case, name, at, alerts) = {
  name: name,
  interval: std.get(case, 'step', '15s'),
  input_series: at[0],
  alert_rule_test: [{ eval_time: at[1], alertname: case.alert, exp_alerts: alerts }],
};

local testsOf(case) =
  [test(case, case.alert + ' fires', case.fires, [expected(case)])]
  + [test(case, '%s keeps quiet, %d' % [case.alert, i], case.quiet[i], []) for i in std.range(0, std.length(case.quiet) - 1)];

local noData = {
  name: 'no data',
  interval: '1m',
  input_series: [],
  alert_rule_test: [{ eval_time: '2h', alertname: rule.alert, exp_alerts: [] } for rule in rules if rule.alert != 'EngramAbsent'],
};

local tested = std.set([case.alert for case in cases]);
local untested = [rule.alert for rule in rules if !std.setMember(rule.alert, tested)];
assert untested == [] : 'alerts without a test: ' + untested;
local quiet = std.set([case.alert for case in cases if case.quiet != []]);
assert quiet == tested : 'alerts that are never tested to keep quiet: ' + std.setDiff(tested, quiet);

local file(step, more) = {
  rule_files: ['../rules/engram-recording.yml', '../rules/engram-alerts.yml', '../rules/engram-kubernetes.yml'],
  evaluation_interval: step,
  group_eval_order: ['engram-recording', 'engram-slo', 'engram-alerts', 'engram-scaling', 'engram-slo-alerts', 'engram-kubernetes'],
  tests: std.flattenArrays([testsOf(case) for case in cases if std.get(case, 'step', '15s') == step]) + more,
};

// promtool reads JSON as the YAML that it is.
{
  'prometheus/tests/minutes.json': std.manifestJsonEx(file('15s', []), ' ') + '\n',
  'prometheus/tests/hours.json': std.manifestJsonEx(file('1m', [noData]), ' ') + '\n',
}
