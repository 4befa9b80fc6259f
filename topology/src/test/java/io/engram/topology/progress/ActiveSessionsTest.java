package io.engram.topology.progress;

import static org.assertj.core.api.Assertions.assertThat;

import io.engram.schemas.Lane;
import io.engram.topology.format.SessionKey;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ActiveSessionsTest {
    private final AtomicLong nowMs = new AtomicLong(1_000);
    private final ActiveSessions sessions = new ActiveSessions(100, nowMs::get);

    private static SessionKey key(String session) {
        return new SessionKey("space", Lane.NORMAL, session);
    }

    @Test
    void shouldForgetThoseThatWentIdle() {
        sessions.seen(key("a"), 4);
        nowMs.addAndGet(60);
        sessions.seen(key("b"), 0);
        nowMs.addAndGet(30);
        sessions.seen(key("a"), 5);
        assertThat(sessions.count()).isEqualTo(2);
        assertThat(sessions.acknowledged(key("a")))
                .as("the earliest that is known")
                .hasValue(4);

        nowMs.addAndGet(80);
        assertThat(sessions.count()).as("b is idle").isEqualTo(1);
        assertThat(sessions.acknowledged(key("b"))).isEmpty();
        nowMs.addAndGet(100);
        assertThat(sessions.count()).isZero();
        assertThat(sessions.acknowledged(key("a"))).isEmpty();
    }

    @Test
    void shouldForgetManyInTurns() {
        int many = ActiveSessions.FORGOTTEN_PER_CALL + 5;
        for (int i = 0; i < many; i++) {
            sessions.seen(key("s" + i), 0);
        }
        nowMs.addAndGet(101);

        assertThat(sessions.count()).as("one call does not look at all of them").isEqualTo(5);
        assertThat(sessions.count()).isZero();
    }

    @Test
    void shouldRememberWhatIsOwedHoweverLong() {
        sessions.seen(key("a"), 1);
        sessions.owes(key("a"));
        nowMs.addAndGet(1_000);
        assertThat(sessions.count()).isZero();
        assertThat(sessions.acknowledged(key("a"))).hasValue(1);

        sessions.acknowledge(key("a"), 2);
        assertThat(sessions.acknowledged(key("a"))).hasValue(2);
        sessions.settled(key("a"));
        assertThat(sessions.acknowledged(key("a"))).isEmpty();
    }

    @Test
    void shouldForgetWhatEndedOnceNothingIsOwed() {
        sessions.seen(key("a"), 7);
        sessions.ended(key("a"));
        sessions.owes(key("a"));
        assertThat(sessions.count()).isZero();
        assertThat(sessions.acknowledged(key("a"))).as("numbers start anew").hasValue(0);
        sessions.settled(key("a"));
        assertThat(sessions.acknowledged(key("a"))).isEmpty();

        sessions.ended(key("b"));
        sessions.count();
        assertThat(sessions.acknowledged(key("b"))).isEmpty();
    }

    @Test
    void shouldNotRememberOthersForTheirAcknowledgement() {
        sessions.acknowledge(key("found in the store"), 3);
        assertThat(sessions.acknowledged(key("found in the store"))).isEmpty();
    }
}
