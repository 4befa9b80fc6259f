package io.engram.app.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.streams.errors.ProcessorStateException;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.junit.jupiter.api.Test;
import org.rocksdb.RocksDBException;
import org.rocksdb.Status;

class DiskHoldTest {
    private static final String FULL = "state.dir /data is full (12 of 1,000 bytes are free)";

    private final AtomicInteger started = new AtomicInteger();
    private final AtomicInteger died = new AtomicInteger();
    private Optional<String> trouble = Optional.of(FULL);
    private long free = 500;
    private long nanos;
    private final DiskHold hold =
            new DiskHold(() -> trouble, () -> Optional.of(new StateDisk.Room(free, 1_000)), () -> nanos);

    /** As from a flush in a commit. */
    private static Throwable noSpace() {
        Status status = new Status(Status.Code.IOError, Status.SubCode.NoSpace, "12.blob: No space left on device");
        return new StreamsException(new ProcessorStateException("commit", new RocksDBException(status)));
    }

    /** As of a disk that was mounted anew, or of bad sectors: only the disk tells whether it can be written. */
    private static Throwable storeFailed(Exception cause) {
        return new StreamsException(new ProcessorStateException("flush", cause));
    }

    private void look() {
        hold.look(() -> {
            started.incrementAndGet();
            return true;
        });
    }

    private void pass(long seconds) {
        nanos += TimeUnit.SECONDS.toNanos(seconds);
    }

    @Test
    void shouldWaitForRoomAndGoOnWithAsManyThreads() {
        assertThat(hold.holds(noSpace())).isTrue();
        assertThat(hold.holds(storeFailed(new IOException("No space left on device"))))
                .isTrue();
        assertThat(hold.held()).isEqualTo(2);
        assertThat(hold.reason().orElseThrow())
                .contains(FULL, "Nothing is lost", "delete nothing below it", "EngramStateDiskFull");

        pass(3_600);
        trouble = Optional.of("state.dir /data is full (13 of 1,000 bytes are free)");
        look();
        assertThat(started).hasValue(0);
        assertThat(hold.reason().orElseThrow()).contains("13 of");

        trouble = Optional.empty();
        look();
        assertThat(started).hasValue(2);
        assertThat(hold.held()).isZero();
        assertThat(hold.reason()).isEmpty();
        look();
        assertThat(started).hasValue(2);
    }

    @Test
    void shouldHoldWhateverAStoreSaysOfADiskThatCannotBeWritten() {
        trouble = Optional.of("state.dir /data cannot be written: Read-only file system");

        assertThat(hold.holds(storeFailed(new RocksDBException("a reason of its own"))))
                .isTrue();
        assertThat(hold.reason().orElseThrow()).contains("Read-only file system");
    }

    /** The half-written file that took the last room was removed again. */
    @Test
    void shouldHoldAStoreThatFoundNoRoomThoughThereIsRoomNow() {
        trouble = Optional.empty();

        assertThat(hold.holds(noSpace())).isTrue();
        assertThat(hold.reason().orElseThrow()).contains("12.blob: No space left on device", "Nothing is lost");
    }

    @Test
    void shouldLeaveOtherFailuresAlone() {
        assertThat(hold.holds(new StreamsException(new IllegalStateException("a defect"))))
                .isFalse();
        trouble = Optional.empty();
        assertThat(hold.holds(storeFailed(new RocksDBException("Corruption: block checksum mismatch"))))
                .isFalse();
        assertThat(hold.held()).isZero();
        assertThat(hold.reason()).isEmpty();
    }

    private void holdAndLook(long seconds) {
        hold.holds(noSpace());
        pass(seconds - 1);
        look();
        assertThat(hold.held()).as("before " + seconds + " s").isEqualTo(1);
        pass(1);
        look();
        assertThat(hold.held()).as("after " + seconds + " s").isZero();
    }

    @Test
    void shouldTryLessAndLessOftenWhereRoomIsUsedUpAgain() {
        trouble = Optional.empty();
        for (long pause : new long[] {5, 60, 120, 240, 480, 960, 960}) {
            holdAndLook(pause);
        }
        pass(3_600);
        holdAndLook(5);
    }

    @Test
    void shouldNoticeAtOnceThatSomebodyMadeRoom() {
        trouble = Optional.empty();
        holdAndLook(5);
        hold.holds(noSpace());
        free = 900;
        pass(4);
        look();
        assertThat(hold.held()).as("before the thread has ended").isEqualTo(1);
        free = 549; // as much as before the attempt, and a little
        pass(1);
        look();
        assertThat(hold.held()).isEqualTo(1);
        free = 550;
        look();
        assertThat(hold.held()).isZero();

        hold.holds(noSpace());
        pass(5);
        look();
        assertThat(hold.held()).as("with room that was not enough").isEqualTo(1);
    }

    @Test
    void shouldGoOnHoldingWhatCannotBeStartedYet() {
        hold.holds(noSpace());
        trouble = Optional.empty();
        pass(5);

        hold.look(() -> false);
        assertThat(hold.held()).isEqualTo(1);
        look();
        assertThat(hold.held()).as("tried again at once").isEqualTo(1);
        pass(5);
        assertThatThrownBy(() -> hold.look(() -> {
                    throw new KafkaException("no bootstrap server can be resolved");
                }))
                .isInstanceOf(KafkaException.class);
        assertThat(hold.held()).isEqualTo(1);
        assertThat(hold.reason()).isPresent();
        pass(5);
        look();
        assertThat(hold.held()).isZero();
        assertThat(hold.reason()).isEmpty();
    }

    @Test
    void shouldNotCountDeathsOfAFullDisk() {
        ThreadReplacement replacement = new ThreadReplacement(1, () -> nanos, hold, died::incrementAndGet);

        for (int i = 0; i < 10; i++) {
            assertThatThrownBy(() -> replacement.handle(noSpace())).isInstanceOf(ThreadReplacement.HeldException.class);
        }
        Throwable defect = new StreamsException("a defect");
        assertThat(replacement.handle(defect)).isEqualTo(StreamThreadExceptionResponse.REPLACE_THREAD);
        assertThat(replacement.handle(defect)).isEqualTo(StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
        assertThat(died).hasValue(12);
    }
}
