package io.engram.app.redelivery;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FairRoomTest {
    @Test
    void shouldNeverGiveMoreThanThereIsHoweverManyPartitionsAsk() {
        FairRoom room = new FairRoom(50_000, 256, 256, 10_000);
        long taken = 0;
        for (int partition = 0; partition < 256; partition++) {
            int got = room.take(500);
            assertThat(got).isPositive();
            taken += got;
        }

        assertThat(taken).isLessThanOrEqualTo(40_000).isGreaterThan(39_000);
    }

    @Test
    void shouldLeaveTheRoomOfOtherPartitionsToOtherInstances() {
        FairRoom room = new FairRoom(50_000, 64, 256, 0);
        long taken = 0;
        for (int partition = 0; partition < 64; partition++) {
            taken += room.take(10_000);
        }

        assertThat(taken).isEqualTo(12_500);
    }

    @Test
    void shouldHandOnWhatOnePartitionDoesNotTake() {
        FairRoom room = new FairRoom(300, 3, 3, 0);

        assertThat(room.take(10)).isEqualTo(10);
        room.pass();
        assertThat(room.take(500)).isEqualTo(290);
    }

    @Test
    void shouldGiveNothingWhenMoreWaitsThanThereIsRoomFor() {
        FairRoom room = new FairRoom(50, 2, 2, 80);

        assertThat(room.take(10)).isZero();
        assertThat(room.take(10)).isZero();
    }
}
