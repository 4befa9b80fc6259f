package io.engram.topology.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.format.SessionKey;
import org.junit.jupiter.api.Test;

class OwedSessionsTest {
    private static final SessionKey A = new SessionKey("space", Lane.NORMAL, "a");

    private final OwedSessions owed = new OwedSessions();

    @Test
    void shouldKnowWhatWasAcknowledgedUntilNothingIsOwed() {
        owed.owes(A, 4);
        owed.owes(A, 5);
        assertThat(owed.acknowledged(A)).as("5 is stored, and not acknowledged").hasValue(4);

        owed.acknowledge(A, 5);
        owed.owes(A, 6);
        assertThat(owed.acknowledged(A)).hasValue(5);
        owed.acknowledge(A, 7);
        owed.settled(A);
        assertThat(owed.acknowledged(A)).isEmpty();
    }

    @Test
    void shouldBeginAnewWithASessionThatWasClosed() {
        owed.owes(A, 7);
        owed.owes(A, 0);

        assertThat(owed.acknowledged(A)).hasValue(0);
    }

    @Test
    void shouldNotRememberOthersForTheirAcknowledgement() {
        owed.acknowledge(A, 3);

        assertThat(owed.acknowledged(A)).isEmpty();
    }

    @Test
    void shouldForgetAllWhenThePartitionLeaves() {
        owed.owes(A, 7);
        owed.clear();

        assertThat(owed.acknowledged(A)).isEmpty();
    }
}
