package io.engram.topology.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.admission.DrainRate;
import io.engram.topology.admission.PartitionDepth;
import io.engram.topology.progress.OffsetTracker.Seen;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class OffsetTrackerTest {
    private final OffsetTracker tracker = new OffsetTracker();
    private final LaneProgress lane = new LaneProgress(Lane.NORMAL, tracker, new PartitionDepth(), new DrainRate(), -1);

    @Test
    void shouldTrackOffsetsThatFinishOutOfOrder() throws InterruptedException {
        assertThat(tracker.watermark()).isEmpty();
        Random random = new Random(5);
        Set<Long> begun = new TreeSet<>();
        long next = random.nextInt(2);
        for (int i = 0; i < 50_000; i++) {
            if (random.nextInt(10) == 0) {
                tracker.pass(next);
            } else {
                tracker.begin(next);
                begun.add(next);
            }
            while (begun.size() > 200 || random.nextInt(3) == 0 && !begun.isEmpty()) {
                List<Long> all = List.copyOf(begun);
                long done = all.get(random.nextInt(all.size()));
                tracker.done(done);
                begun.remove(done);
            }
            long expected = begun.isEmpty() ? next : begun.iterator().next() - 1;
            assertThat(tracker.watermark()).hasValue(expected);
            next += 1 + random.nextInt(3);
        }
        assertThat(tracker.await(next, 10)).isFalse();
        begun.forEach(tracker::done);
        assertThat(tracker.await(tracker.last().orElseThrow(), 10)).isTrue();
    }

    @Test
    void shouldNotCallTheFirstRecordIndexedWhileItWaits() throws InterruptedException {
        lane.begin(0);
        assertThat(lane.indexedOffset()).isEqualTo(-1);
        assertThat(tracker.await(0, 1)).isFalse();
        for (long offset = 1; offset < 100; offset++) {
            lane.begin(offset);
            lane.done(offset);
        }
        assertThat(lane.indexedOffset()).isEqualTo(-1);

        lane.done(0);

        assertThat(lane.indexedOffset()).isEqualTo(99);
    }

    @Test
    void shouldStandAtTheStartBeforeTheFirstRecord() {
        assertThat(lane.indexedOffset()).isEqualTo(-1);
        lane.depth().positionAtLeast(100);
        assertThat(lane.indexedOffset()).isEqualTo(99);
        lane.begin(100);
        assertThat(lane.indexedOffset()).isEqualTo(99);
    }

    @Test
    void shouldTellWhatWasDeliveredFromWhatWasPassedOver() {
        assertThat(tracker.seen(7)).isEqualTo(Seen.FORGOTTEN);
        tracker.pass(10);
        tracker.begin(11);
        tracker.pass(14);

        assertThat(tracker.seen(9)).isEqualTo(Seen.FORGOTTEN);
        assertThat(tracker.seen(10)).isEqualTo(Seen.DELIVERED);
        assertThat(tracker.seen(11)).isEqualTo(Seen.DELIVERED);
        assertThat(tracker.seen(12)).isEqualTo(Seen.SKIPPED);
        assertThat(tracker.seen(13)).isEqualTo(Seen.SKIPPED);
        assertThat(tracker.seen(14)).isEqualTo(Seen.DELIVERED);
        assertThat(tracker.seen(15)).isEqualTo(Seen.COMING);
    }

    @Test
    void shouldReachWhatTheConsumerReadOnlyOnceItsRecordsAreProcessed() {
        lane.depth().ends(14, 14, 0);
        lane.pass(10);
        lane.fetched(OptionalLong.of(12), 14);
        assertThat(tracker.seen(13)).isEqualTo(Seen.COMING);
        assertThat(lane.depth().depth()).isEqualTo(3);

        lane.begin(12);

        assertThat(tracker.seen(11)).isEqualTo(Seen.SKIPPED);
        assertThat(tracker.seen(13)).isEqualTo(Seen.SKIPPED);
        assertThat(lane.indexedOffset()).isEqualTo(11);
        lane.done(12);
        assertThat(lane.indexedOffset()).isEqualTo(13);
        assertThat(lane.depth().depth()).isZero();
        assertThat(lane.depth().isDrained()).isTrue();
    }

    @Test
    void shouldPassOverMarkersAndAbortedRecordsAtTheEnd() {
        lane.depth().positionAtLeast(20);
        lane.depth().ends(22, 22, 0);
        assertThat(lane.depth().depth()).isEqualTo(2);

        lane.fetched(OptionalLong.empty(), 22);

        assertThat(lane.depth().depth()).isZero();
        assertThat(lane.indexedOffset()).isEqualTo(21);
        assertThat(tracker.seen(21)).as("read before anything was known of it").isEqualTo(Seen.FORGOTTEN);
        lane.fetched(OptionalLong.empty(), 24);
        assertThat(tracker.seen(23)).isEqualTo(Seen.SKIPPED);
        assertThat(tracker.last()).as("no record").isEmpty();
    }

    @Test
    void shouldRememberTheLatestOfManyGaps() {
        tracker.pass(0);
        for (long offset = 2; offset < 20_002; offset += 2) {
            tracker.pass(offset);
        }

        assertThat(tracker.seen(1)).isEqualTo(Seen.FORGOTTEN);
        assertThat(tracker.seen(2))
                .as("it may have been one of those forgotten")
                .isEqualTo(Seen.FORGOTTEN);
        assertThat(tracker.seen(19_999)).isEqualTo(Seen.SKIPPED);
        assertThat(tracker.seen(19_998)).isEqualTo(Seen.DELIVERED);
        assertThat(tracker.seen(20_000 - 2 * 4_000)).isEqualTo(Seen.DELIVERED);
        assertThat(tracker.seen(20_001 - 2 * 4_000)).isEqualTo(Seen.SKIPPED);
    }
}
