package io.engram.app.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class WarmthTest {
    private static final long DEADLINE = 1_000_000;
    private static final long QUICK = 100;

    private final AtomicLong now = new AtomicLong();
    private final Warmth warmth = new Warmth(1_000, DEADLINE, QUICK, now::get);

    private void answered(int times, long nanos) {
        for (int i = 0; i < times; i++) {
            warmth.answered(nanos);
        }
    }

    @Test
    void shouldGoOnUntilTheLatestRequestsAreQuick() {
        answered(3, QUICK + 1);
        answered(Warmth.LATEST - 1, QUICK);
        assertThat(warmth.isQuick()).isTrue();
        assertThat(warmth.goesOn()).isFalse();

        answered(Warmth.SLOW_ONES, QUICK + 1);
        assertThat(warmth.isQuick()).isTrue();
        answered(1, QUICK + 1);
        assertThat(warmth.isQuick()).isFalse();
        assertThat(warmth.goesOn()).isTrue();
    }

    @Test
    void shouldNotCallFewRequestsQuick() {
        answered(Warmth.LATEST - 1, QUICK);

        assertThat(warmth.isQuick()).isFalse();
        assertThat(warmth.goesOn()).isTrue();
    }

    @Test
    void shouldEndAfterTheMostRequests() {
        answered(999, QUICK + 1);
        assertThat(warmth.goesOn()).isTrue();

        answered(1, QUICK + 1);

        assertThat(warmth.goesOn()).isFalse();
        assertThat(warmth.isQuick()).isFalse();
        assertThat(warmth.requests()).isEqualTo(1_000);
    }

    @Test
    void shouldEndWhenItsTimeIsUp() {
        now.set(DEADLINE - 1);
        assertThat(warmth.goesOn()).isTrue();

        now.set(DEADLINE);

        assertThat(warmth.goesOn()).isFalse();
    }
}
