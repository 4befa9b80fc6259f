// The guide's eleven panels. Each has the units and thresholds of its own series, and a link to its runbook section.
local lib = import 'lib.libsonnet';

{
  local c = $._config,
  local datasource = { type: 'prometheus', uid: '${datasource}' },
  local instances = 'job=~"$job", instance=~"$instance"',
  local spaces = instances + ', memory_space=~"$memory_space"',
  local lanes = instances + ', priority=~"$priority"',

  local step(color, value) = { color: color, value: value },
  local thresholds(warning, critical) = {
    mode: 'absolute',
    steps: [step('green', null)] + [step('orange', warning)] + (if critical == null then [] else [step('red', critical)]),
  },
  // Coloured below as well as above: 40 to 80 is where a worker should be.
  local band(low, high) = { mode: 'absolute', steps: [step('blue', null), step('green', low), step('red', high)] },

  local query(expr, legend, more={}) = { expr: expr, legendFormat: legend, datasource: datasource } + more,
  local override(series, properties) = {
    matcher: { id: 'byName', options: series },
    properties: [{ id: key, value: properties[key] } for key in std.objectFields(properties)],
  },

  local panel(id, type, title, section, x, y, width, height, description, targets, defaults={}, overrides=[], options={}) = {
    id: id,
    type: type,
    title: title,
    description: description,
    datasource: datasource,
    gridPos: { x: x, y: y, w: width, h: height },
    targets: [targets[i] { refId: std.char(65 + i) } for i in std.range(0, std.length(targets) - 1)],
    fieldConfig: { defaults: defaults, overrides: overrides },
    options: options,
    links: [{ title: 'Runbook', url: c.runbook + section, targetBlank: true }],
  },

  local line = { custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, thresholdsStyle: { mode: 'line' } }, min: 0 },
  local plain = { custom: { drawStyle: 'line', lineWidth: 1, fillOpacity: 10 }, min: 0 },
  local legend = { legend: { displayMode: 'table', placement: 'right', calcs: ['lastNotNull', 'max'] }, tooltip: { mode: 'multi', sort: 'desc' } },
  local levels = [{
    type: 'value',
    options: {
      '0': { text: 'normal', color: 'green' },
      '1': { text: 'warning', color: 'yellow' },
      '2': { text: 'critical', color: 'orange' },
      '3': { text: 'overloaded', color: 'red' },
    },
  }],

  local panels = [
    panel(
      1, 'stat', 'System overview', 'panel-system-overview', 0, 0, 24, 5,
      'Throughput, queue and sessions, each with thresholds of its own.',
      [
        query('sum(rate(engram_streaming_observations_total{%s}[$__rate_interval]))' % spaces, 'observations/s'),
        query('sum(engram_streaming_queue_depth{%s})' % lanes, 'queue depth'),
        query('sum(engram_streaming_queue_depth{%s}) / sum(max by (priority) (engram_streaming_queue_capacity{%s}))' % [lanes, lanes], 'queue used'),
        query('sum(engram_streaming_active_sessions_total{%s})' % instances, 'active sessions'),
        query('sum(engram_streaming_queue_memory_bytes{%s})' % instances, 'queue memory'),
      ],
      { color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: [step('green', null)] } },
      [
        override('observations/s', {
          unit: 'ops',
          thresholds: { mode: 'absolute', steps: [step('orange', null), step('green', c.throughputPerSecond)] },
        }),
        override('queue depth', { unit: 'short', decimals: 0 }),
        override('queue used', { unit: 'percentunit', min: 0, max: 1, thresholds: thresholds(c.queueTotalWarning, c.queueTotalCritical) }),
        override('active sessions', { unit: 'short', decimals: 0 }),
        override('queue memory', { unit: 'bytes' }),
      ],
      { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value', graphMode: 'area' }
    ),
    panel(
      2, 'timeseries', 'Observation rate by space', 'panel-observation-rate-by-space', 0, 5, 12, 8,
      'Observations indexed per second. One space that dominates is processed by one partition\'s task.',
      [query('sum by (memory_space) (rate(engram_streaming_observations_total{%s, priority=~"$priority"}[$__rate_interval]))' % spaces, '{{memory_space}}')],
      plain { unit: 'ops' }, [], legend
    ),
    panel(
      3, 'gauge', 'Queue depth by priority', 'panel-queue-depth-by-priority', 12, 5, 12, 8,
      'Share of each lane\'s configured capacity: with the defaults, 80 % are 8,000 / 80,000 / 40,000 records.',
      [query('sum by (priority) (engram_streaming_queue_depth{%s}) / max by (priority) (engram_streaming_queue_capacity{%s})' % [lanes, lanes], '{{priority}}')],
      { unit: 'percentunit', min: 0, max: 1, thresholds: thresholds(c.queueWarning, c.queueCritical) },
      [], { reduceOptions: { calcs: ['lastNotNull'] }, showThresholdLabels: true }
    ),
    panel(
      4, 'status-history', 'Worker utilization', 'panel-worker-utilization', 0, 13, 12, 8,
      'Busy share of each index worker: blue below 40 %, green to 80 %, red above.',
      [query('avg by (instance, worker_id) (engram_streaming_worker_utilization{%s})' % instances, '{{instance}} {{worker_id}}')],
      { unit: 'percent', min: 0, max: 100, color: { mode: 'thresholds' }, thresholds: band(c.underUtilisedPercent, c.overUtilisedPercent) },
      [], { showValue: 'auto', legend: { displayMode: 'list', placement: 'bottom' } }
    ),
    panel(
      5, 'timeseries', 'Observation latency', 'panel-observation-latency', 12, 13, 12, 8,
      'From enqueue to insertion in the index.',
      [
        query('histogram_quantile(%s, sum by (le) (rate(engram_streaming_observation_latency_seconds_bucket{%s}[$__rate_interval])))' % [q[0], spaces], q[1])
        for q in [['0.5', 'p50'], ['0.99', 'p99'], ['0.999', 'p99.9']]
      ],
      plain { unit: 's' },
      [override('p99', { thresholds: thresholds(c.observationLatencySeconds, null), 'custom.thresholdsStyle': { mode: 'line' } })],
      legend
    ),
    panel(
      6, 'timeseries', 'Backpressure activations', 'panel-backpressure', 0, 21, 12, 7,
      'Transitions per second, by the level entered.',
      [query('sum by (level) (rate(engram_streaming_backpressure_activations_total{%s}[$__rate_interval]))' % spaces, '{{level}}')],
      line { unit: 'ops', thresholds: thresholds(c.backpressureActivationsPerSecond, null) }, [], legend
    ),
    panel(
      7, 'state-timeline', 'Backpressure state', 'panel-backpressure', 12, 21, 12, 7,
      'The worst level of each memory space.',
      [query('max by (memory_space) (engram_streaming_backpressure_state{%s})' % spaces, '{{memory_space}}')],
      { mappings: levels, color: { mode: 'thresholds' }, thresholds: { mode: 'absolute', steps: [step('green', null), step('yellow', 1), step('orange', 2), step('red', 3)] } },
      [], { mergeValues: true, showValue: 'auto' }
    ),
    panel(
      8, 'timeseries', 'Recall latency', 'panel-recall-latency', 0, 28, 12, 8,
      'Whole requests at the serving instance.',
      [
        query('histogram_quantile(%s, sum by (le) (rate(engram_streaming_recall_latency_seconds_bucket{%s}[$__rate_interval])))' % [q[0], spaces], q[1])
        for q in [['0.5', 'p50'], ['0.99', 'p99']]
      ],
      plain { unit: 's' },
      [override('p99', { thresholds: thresholds(c.recallLatencySeconds, null), 'custom.thresholdsStyle': { mode: 'line' } })],
      legend
    ),
    panel(
      9, 'timeseries', 'Batches and work stealing', 'panel-batch-processing', 12, 28, 12, 8,
      'Batches per second of each worker, and on the right the share of all batches that were stolen.',
      [
        query('sum by (instance, worker_id) (rate(engram_streaming_batches_processed_total{%s}[$__rate_interval]))' % instances, '{{instance}} {{worker_id}}'),
        query(
          'sum(rate(engram_streaming_work_stolen_total{%s}[$__rate_interval])) / sum(rate(engram_streaming_batches_processed_total{%s}[$__rate_interval]))' % [instances, instances],
          'stolen'
        ),
      ],
      plain { unit: 'ops' },
      [override('stolen', {
        unit: 'percentunit',
        max: 1,
        'custom.axisPlacement': 'right',
        'custom.thresholdsStyle': { mode: 'line' },
        thresholds: thresholds(c.stealingRatio, null),
      })],
      legend
    ),
    panel(
      10, 'heatmap', 'Batch size distribution', 'panel-batch-size', 0, 36, 12, 8,
      'How many batches had how many items: small while idle, large under load.',
      [query('sum by (le) (increase(engram_streaming_batch_size_bucket{%s}[$__rate_interval]))' % instances, '{{le}}', { format: 'heatmap' })],
      {}, [], { calculate: false, yAxis: { unit: 'short' }, color: { scheme: 'Blues', mode: 'scheme' } }
    ),
    panel(
      11, 'timeseries', 'Errors', 'panel-errors', 12, 36, 12, 8,
      'Insertions that failed and records that were rejected, per minute.',
      [
        query('sum by (error_type) (increase(engram_streaming_batch_failures_total{%s}[1m]))' % instances, 'failed: {{error_type}}'),
        query('sum by (reason) (increase(engram_streaming_observations_rejected_total{%s}[1m]))' % spaces, 'rejected: {{reason}}'),
      ],
      line { unit: 'short', thresholds: { mode: 'absolute', steps: [step('green', null), step('red', 1)] } }, [], legend
    ),
  ],

  local variable(name, label, definition) = {
    name: name,
    label: label,
    type: 'query',
    datasource: datasource,
    query: { query: definition, refId: name },
    definition: definition,
    refresh: 2,
    includeAll: true,
    multi: true,
    allValue: '.+',
    current: { text: 'All', value: '$__all' },
    sort: 1,
  },

  local annotation(name, color, expr, title) = {
    name: name,
    enable: true,
    iconColor: color,
    datasource: datasource,
    expr: expr,
    titleFormat: title,
    textFormat: '{{instance}}',
    step: '15s',
  },

  grafanaDashboard:: {
    uid: c.dashboardUid,
    title: 'Engram Streaming',
    tags: ['engram'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '15s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'utc',
    graphTooltip: 1,
    links: [{ title: 'Runbook', type: 'link', url: std.rstripChars(c.runbook, '#'), targetBlank: true }],
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus', current: { text: 'Prometheus', value: 'prometheus' } },
        variable('job', 'Job', 'label_values(engram_build_info, job)') { current: { text: c.job, value: c.job } },
        variable('instance', 'Instance', 'label_values(engram_build_info{job=~"$job"}, instance)'),
        variable('memory_space', 'Memory space', 'label_values(engram_streaming_observations_total{job=~"$job"}, memory_space)'),
        variable('priority', 'Priority', 'label_values(engram_streaming_queue_depth{job=~"$job"}, priority)'),
      ],
    },
    annotations: {
      list: [
        annotation('Deploys', 'blue', 'changes(process_start_time_seconds{job=~"$job", instance=~"$instance"}[1m]) > 0 or (time() - process_start_time_seconds{job=~"$job", instance=~"$instance"} < 60)', 'started'),
        annotation('Rebalances', 'purple', 'sum by (instance) (changes(engram_partitions{job=~"$job", instance=~"$instance"}[1m])) > 0', 'partitions moved'),
      ],
    },
    panels: panels,
  },

  // What a test runs: every expression of the dashboard with its variables filled in.
  dashboardQueries::
    local fill(expr) = std.foldl(
      function(text, pair) std.strReplace(text, pair[0], pair[1]),
      [['$__rate_interval', lib.window(c, 60)], ['$job', c.job], ['$instance', '.+'], ['$memory_space', '.+'], ['$priority', '.+']],
      expr
    );
    [{ panel: p.title, expr: fill(t.expr) } for p in panels for t in p.targets],
}
