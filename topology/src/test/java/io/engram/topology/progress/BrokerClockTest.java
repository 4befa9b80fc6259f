package io.engram.topology.progress;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BrokerClockTest {
    private static final long NOON = 1_767_268_800_000L;

    private final AtomicLong nanos = new AtomicLong(-5_000_000_000L);
    private final BrokerClock clock = new BrokerClock(nanos::get);

    private void pass(long ms) {
        nanos.addAndGet(TimeUnit.MILLISECONDS.toNanos(ms));
    }

    @Test
    void shouldBeUnknownBeforeAnyBrokerToldIt() {
        assertThat(clock.nowMs()).isEmpty();
        assertThat(clock.latestMs()).isEmpty();
        clock.appended(-1);
        assertThat(clock.nowMs()).as("a record without a time").isEmpty();
    }

    @Test
    void shouldCarryOnTheLatestAppendTimeForAMinute() {
        clock.appended(NOON);
        pass(10_000);
        assertThat(clock.nowMs()).isEqualTo(OptionalLong.of(NOON + 10_000));
        clock.appended(NOON - 3_600_000); // an old record of a backlog
        assertThat(clock.nowMs()).isEqualTo(OptionalLong.of(NOON + 10_000));
        clock.appended(NOON + 12_000);
        assertThat(clock.nowMs()).isEqualTo(OptionalLong.of(NOON + 12_000));
        pass(60_000);
        assertThat(clock.nowMs()).isEqualTo(OptionalLong.of(NOON + 72_000));
        pass(1);
        assertThat(clock.nowMs()).as("older than a minute").isEmpty();
    }

    @Test
    void shouldKnowTheLatestTimeOnlyFromAPromptHeartbeat() {
        clock.appended(NOON);
        assertThat(clock.latestMs()).as("records may be old").isEmpty();
        clock.heard(NOON, NOON, BrokerClock.TOLERANCE_MS);
        assertThat(clock.latestMs()).as("after a long round trip").isEmpty();
        clock.heard(NOON, NOON, 20);
        assertThat(clock.latestMs()).isEqualTo(OptionalLong.of(NOON + BrokerClock.TOLERANCE_MS));
        pass(60_001);
        clock.appended(NOON + 60_001);
        assertThat(clock.latestMs()).as("no heartbeat for a minute").isEmpty();
        assertThat(clock.nowMs()).isPresent();
    }

    @Test
    void shouldMeasureHowFarThisMachineIsAhead() {
        assertThat(clock.skewMs()).isEmpty();
        clock.heard(NOON, NOON + 3_000_000 - 10, 20);
        assertThat(clock.skewMs()).isEqualTo(OptionalLong.of(3_000_000));
        clock.heard(NOON, NOON - 70_000, 0);
        assertThat(clock.skewMs()).isEqualTo(OptionalLong.of(-70_000));
    }
}
