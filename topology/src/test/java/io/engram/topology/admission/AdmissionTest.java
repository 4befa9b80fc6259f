package io.engram.topology.admission;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.schemas.Lane;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AdmissionTest {
    private static final AdmissionConfig CONFIG = new AdmissionConfig(
            AdmissionConfig.Policy.REJECT,
            Map.of(Lane.HIGH, 100L, Lane.NORMAL, 1_000L, Lane.LOW, 500L),
            0.5,
            0.8,
            0.95,
            5_000,
            300_000);

    private final LaneDepths depths = new LaneDepths();
    private final AtomicLong indexBytes = new AtomicLong();
    private final IndexMemory memory = new IndexMemory(indexBytes::get, 1_000);
    private final Map<Lane, DrainRate> rates = new EnumMap<>(Lane.class);

    AdmissionTest() {
        Lane.ALL.forEach(lane -> rates.put(lane, new DrainRate()));
    }

    private Map<Lane, PartitionDepth> assign(int partition) {
        Map<Lane, PartitionDepth> own = new EnumMap<>(Lane.class);
        Lane.ALL.forEach(lane -> own.put(lane, depths.assign(lane, partition)));
        return own;
    }

    private static void depth(PartitionDepth depth, long records) {
        depth.positionAtLeast(0);
        depth.ends(records, records, 0);
    }

    @Test
    void shouldRiseAtOnceAndFallStepByStepAfterHolding() {
        LevelTracker tracker = new LevelTracker(CONFIG);

        assertThat(tracker.update(0.49, 0)).isEqualTo(BackpressureLevel.NORMAL);
        assertThat(tracker.update(0.5, 1)).isEqualTo(BackpressureLevel.WARNING);
        assertThat(tracker.update(0.8, 2)).isEqualTo(BackpressureLevel.CRITICAL);
        assertThat(tracker.update(0.95, 3)).isEqualTo(BackpressureLevel.OVERLOADED);
        assertThat(tracker.update(0.1, 1_000)).isEqualTo(BackpressureLevel.OVERLOADED);
        assertThat(tracker.update(0.1, 5_999)).isEqualTo(BackpressureLevel.OVERLOADED);
        assertThat(tracker.update(0.1, 6_000)).isEqualTo(BackpressureLevel.CRITICAL);
        assertThat(tracker.update(0.1, 10_999)).isEqualTo(BackpressureLevel.CRITICAL);
        assertThat(tracker.update(0.1, 11_000)).isEqualTo(BackpressureLevel.WARNING);
        assertThat(tracker.update(0.1, 16_000)).isEqualTo(BackpressureLevel.NORMAL);
    }

    @Test
    void shouldStartHoldingAnewWhenPressureReturns() {
        LevelTracker tracker = new LevelTracker(CONFIG);
        tracker.update(0.6, 0);
        tracker.update(0.1, 1_000);
        tracker.update(0.6, 5_000);

        assertThat(tracker.update(0.1, 6_500)).isEqualTo(BackpressureLevel.WARNING);
        assertThat(tracker.update(0.1, 11_400)).isEqualTo(BackpressureLevel.WARNING);
        assertThat(tracker.update(0.1, 11_500)).isEqualTo(BackpressureLevel.NORMAL);
    }

    @Test
    void shouldLetOneBusyPartitionUseTheWholeIdleLane() {
        Map<Lane, PartitionDepth> busy = assign(0);
        for (int partition = 1; partition < 4; partition++) {
            assign(partition).values().forEach(depth -> depth(depth, 0));
        }
        AdmissionControl control = new AdmissionControl(CONFIG, depths, busy, rates, 4, memory);

        depth(busy.get(Lane.NORMAL), 490); // almost twice its even share of 250
        control.evaluate(Lane.NORMAL, 0);
        assertThat(control.level(Lane.NORMAL)).isEqualTo(BackpressureLevel.NORMAL);
        assertThat(control.status(Lane.NORMAL, 0).capacity()).isEqualTo(1_000);

        depth(busy.get(Lane.NORMAL), 950);
        assertThat(control.evaluate(Lane.NORMAL, 1)).isTrue();
        assertThat(control.level(Lane.NORMAL)).isEqualTo(BackpressureLevel.OVERLOADED);
        assertThat(control.sheds(Lane.NORMAL)).isTrue();
        assertThat(control.worstLevel()).isEqualTo(BackpressureLevel.OVERLOADED);
    }

    @Test
    void shouldShedOnlyThoseAboveTheirShareWhenTheLaneIsFull() {
        Map<Lane, PartitionDepth> greedy = assign(0);
        Map<Lane, PartitionDepth> modest = assign(1);
        AdmissionControl greedyControl = new AdmissionControl(CONFIG, depths, greedy, rates, 2, memory);
        AdmissionControl modestControl = new AdmissionControl(CONFIG, depths, modest, rates, 2, memory);

        depth(greedy.get(Lane.NORMAL), 990);
        depth(modest.get(Lane.NORMAL), 20);
        greedyControl.evaluate(Lane.NORMAL, 0);
        modestControl.evaluate(Lane.NORMAL, 0);

        assertThat(greedyControl.sheds(Lane.NORMAL)).isTrue();
        assertThat(modestControl.level(Lane.NORMAL)).isEqualTo(BackpressureLevel.NORMAL);
    }

    @Test
    void shouldTakeOnlyItsShareOfTheClusterWhenFewPartitionsAreHere() {
        Map<Lane, PartitionDepth> own = assign(0);
        AdmissionControl control = new AdmissionControl(CONFIG, depths, own, rates, 10, memory);
        depth(own.get(Lane.NORMAL), 96);

        control.evaluate(Lane.NORMAL, 0);

        assertThat(control.status(Lane.NORMAL, 0).capacity()).isEqualTo(100);
        assertThat(control.level(Lane.NORMAL)).isEqualTo(BackpressureLevel.OVERLOADED);
    }

    @Test
    void shouldTellWhenHalfIsDrainedAtTheMeasuredRate() {
        Map<Lane, PartitionDepth> own = assign(0);
        AdmissionControl control = new AdmissionControl(CONFIG, depths, own, rates, 1, memory);
        depth(own.get(Lane.NORMAL), 1_000);
        control.evaluate(Lane.NORMAL, 10_000);
        assertThat(control.retryAfterMs(Lane.NORMAL, 10_000))
                .as("nothing drains")
                .isEqualTo(300_000);

        rates.get(Lane.NORMAL).count(250);
        control.evaluate(Lane.NORMAL, 11_000);

        // 500 records too many at 250 a second.
        assertThat(control.retryAfterMs(Lane.NORMAL, 11_000)).isEqualTo(2_000);
    }

    @Test
    void shouldShedUnderAnyPolicyWhileIndexMemoryIsFull() {
        AdmissionConfig backlog = new AdmissionConfig(
                AdmissionConfig.Policy.BACKLOG, CONFIG.capacities(), 0.5, 0.8, 0.95, 5_000, 300_000);
        Map<Lane, PartitionDepth> own = assign(0);
        AdmissionControl control = new AdmissionControl(backlog, depths, own, rates, 1, memory);

        indexBytes.set(1_000);
        control.evaluate(Lane.HIGH, 0);
        assertThat(control.sheds(Lane.HIGH)).isTrue();
        assertThat(control.status(Lane.HIGH, 0).reason()).isEqualTo("memory");
        assertThat(control.explain(Lane.HIGH, control.retryAfterMs(Lane.HIGH, 0)))
                .contains("1000 of 1000 bytes", "index.max-memory", "retention");

        indexBytes.set(960); // not clearly below the limit
        control.evaluate(Lane.HIGH, 10_000);
        assertThat(control.sheds(Lane.HIGH)).isTrue();
        indexBytes.set(900);
        assertThat(control.sheds(Lane.HIGH)).isFalse();
        assertThat(control.status(Lane.HIGH, 0).reason()).isEqualTo("lane");
    }

    @Test
    void shouldNeverShedUnderBacklogPolicy() {
        AdmissionConfig backlog = new AdmissionConfig(
                AdmissionConfig.Policy.BACKLOG, CONFIG.capacities(), 0.5, 0.8, 0.95, 5_000, 300_000);
        Map<Lane, PartitionDepth> own = assign(0);
        AdmissionControl control = new AdmissionControl(backlog, depths, own, rates, 1, memory);
        depth(own.get(Lane.NORMAL), 5_000);
        control.evaluate(Lane.NORMAL, 0);

        assertThat(control.level(Lane.NORMAL)).isEqualTo(BackpressureLevel.OVERLOADED);
        assertThat(control.sheds(Lane.NORMAL)).isFalse();
    }

    @Test
    void shouldCountLagAndPending() {
        PartitionDepth depth = depths.assign(Lane.LOW, 3);
        assertThat(depth.depth()).isZero();
        depth.positionAtLeast(10);
        depth.ends(25, 25, 0);
        depth.taken();
        depth.taken();
        depth.indexed();
        assertThat(depth.depth()).isEqualTo(16);
        depth.positionAtLeast(5);
        assertThat(depth.depth()).as("positions never move back").isEqualTo(16);
        assertThat(depths.depth(Lane.LOW)).isEqualTo(16);
        depths.unassign(Lane.LOW, 3, depth);
        assertThat(depths.depth(Lane.LOW)).isZero();
    }

    @Test
    void shouldShowWhatAnOpenTransactionHoldsUpApart() {
        PartitionDepth depth = depths.assign(Lane.LOW, 3);
        assertThat(depth.isDrained()).as("nothing is known").isFalse();
        depth.positionAtLeast(10);
        depth.ends(10, 1_011, 5_000);

        assertThat(depth.depth()).as("none of it can be processed").isZero();
        assertThat(depth.isDrained()).isFalse();
        assertThat(depths.blocked(Lane.LOW)).isEqualTo(1_001);
        assertThat(depths.stalledMs(Lane.LOW)).isZero();
        depth.ends(10, 1_500, 35_000);
        assertThat(depths.blocked(Lane.LOW)).isEqualTo(1_490);
        assertThat(depths.stalledMs(Lane.LOW)).isEqualTo(30_000);
        assertThat(depths.stalledMs(Lane.NORMAL)).isZero();
        depth.ends(400, 1_500, 36_000);
        assertThat(depths.stalledMs(Lane.LOW)).as("another transaction").isZero();
        depth.ends(1_500, 1_500, 40_000);
        assertThat(depths.blocked(Lane.LOW)).isZero();
        assertThat(depth.depth()).isEqualTo(1_490);
    }

    @Test
    void shouldRefuseThresholdsThatDoNotRise() {
        assertThatThrownBy(() -> new AdmissionConfig(
                        AdmissionConfig.Policy.REJECT, CONFIG.capacities(), 0.9, 0.8, 0.95, 5_000, 300_000))
                .hasMessageContaining("0.9");
    }
}
