// Every threshold, in one place. `monitoring/render` makes the rules, the dashboard and docs/reference/alerts.md from it.
{
  _config:: {
    job: 'engram-streaming',
    selector: 'job="%s"' % self.job,
    // Where people find the runbook: its anchors are the alerts' names in lower case.
    runbook: 'https://github.com/engram/engram/blob/main/docs/operations/runbook.md#',
    dashboardUid: 'engram-streaming',

    // Durations are written in seconds and divided by this, so that a test can live through an incident in a minute.
    speed: 1,

    // Shares of the configured capacity (engram_streaming_queue_capacity). With the default capacities these are
    // 8,000 / 80,000 / 40,000 records of the high, normal and low lane, and 80,000 of all three.
    queueWarning: 0.8,
    queueCritical: 0.9,
    queueTotalWarning: 0.5,
    queueTotalCritical: 0.5625,
    queueScaleOut: 0.7,

    observationLatencySeconds: 0.1,
    recallLatencySeconds: 0.05,
    queueWaitSeconds: 0.1,
    backpressureActivationsPerSecond: 100,
    backpressureStatePersistent: 1,
    rejectionWarning: 0.01,
    rejectionCritical: 0.1,
    throughputPerSecond: 100,
    imbalancePercent: 40,
    overUtilisedPercent: 80,
    underUtilisedPercent: 40,
    scaleInPercent: 30,
    stealingRatio: 0.3,
    // What is left of the sessions of ten minutes ago, when there were at least so many.
    sessionsLeft: 0.5,
    sessionsAtLeast: 10,
    snapshotAgeSeconds: 900,
    // Compaction and snapshots write the new before they delete the old.
    stateDiskFreeRatio: 0.1,
    // Longer than the transaction of any well-behaved producer; Kafka's default for transaction.timeout.ms is as long.
    laneStalledSeconds: 60,
    standbyLagRecords: 10000,
    indexMemoryRatio: 0.9,
    throttledRatio: 0.25,
    containerMemoryRatio: 0.9,

    // Service levels: share of observations recallable within 100 ms, share of recalls answered; over 30 days.
    recallabilityObjective: 0.99,
    availabilityObjective: 0.999,
  },
}
