package io.engram.topology.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.engram.schemas.Lane;
import io.engram.topology.TopologyFixture;
import io.engram.topology.follow.StoredValues.StoreClosedException;
import io.engram.topology.format.SessionKey;
import io.engram.topology.format.SessionState;
import io.engram.topology.format.StoreKeys;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.utils.Bytes;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Sessions behind their cache: what others see of them, what is written and what is left. */
class SessionStoreTest {
    private static final SessionKey KEY = new SessionKey("notes", Lane.NORMAL, "s");

    @TempDir
    Path stateDir;

    private TopologyFixture topology;

    @BeforeEach
    void start() {
        topology = new TopologyFixture(stateDir);
    }

    @AfterEach
    void stop() {
        topology.close();
    }

    /** As a record of the session does; nothing commits it. */
    private void accept(int numbers) {
        SessionStore store = topology.sessions();
        for (int i = 0; i < numbers; i++) {
            SessionState state = store.session(KEY).orElseGet(() -> SessionState.startedAt(0));
            state.accept(state.next(), i, TopologyFixture.START.toEpochMilli());
            store.putSession(KEY, state);
        }
    }

    private SessionView view() {
        return topology.store().view().sessions();
    }

    private static boolean isOf(byte[] key, SessionKey session) {
        return Arrays.equals(
                key,
                StoreKeys.session(session.space(), session.lane(), session.session())
                        .get());
    }

    private boolean isInRocksDb() {
        List<Bytes> keys = new ArrayList<>();
        view().forEachKey(keys::add);
        return keys.stream().anyMatch(key -> isOf(key.get(), KEY));
    }

    @Test
    void shouldShowOtherThreadsWhatIsOnlyInTheCache() {
        accept(3);

        assertThat(isInRocksDb()).isFalse();
        Optional<SessionState> seen =
                CompletableFuture.supplyAsync(() -> view().session(KEY)).join();
        assertThat(seen.orElseThrow().next()).isEqualTo(4);

        topology.advance(Duration.ofMillis(100));
        assertThat(isInRocksDb()).isTrue();
        assertThat(view().raw(StoreKeys.session("notes", Lane.NORMAL, "s").get()))
                .isPresent();
    }

    @Test
    void shouldWriteASessionToTheChangelogOnceACommit() {
        accept(50);
        topology.advance(Duration.ofMillis(100));
        accept(50);
        topology.advance(Duration.ofMillis(100));

        assertThat(topology.sessionsChangelog().stream().filter(key -> isOf(key, KEY)))
                .hasSize(2);
    }

    @Test
    void shouldHaveAChangelogThatIsNotEmptyOnceAnythingWasProcessed() {
        topology.advance(Duration.ofSeconds(1));
        assertThat(topology.sessionsChangelog())
                .as("a partition that nobody uses writes nothing")
                .isEmpty();

        topology.sendRaw(
                Lane.NORMAL,
                Optional.of("notes".getBytes(StandardCharsets.UTF_8)),
                Optional.of("nonsense".getBytes(StandardCharsets.UTF_8)),
                Map.of());
        topology.advance(Duration.ofSeconds(1));

        assertThat(topology.sessionsChangelog()).isNotEmpty();
        assertThat(topology.sessionKeys()).isEmpty();
    }

    @Test
    void shouldRefuseReadersOnceItIsClosed() {
        SessionView view = view();
        MemoryView memories = topology.store().view();
        accept(1);
        topology.close();

        assertThatThrownBy(() -> view.session(KEY)).isInstanceOf(StoreClosedException.class);
        assertThatThrownBy(() -> view.forEachKey(key -> {})).isInstanceOf(StoreClosedException.class);
        assertThatThrownBy(memories::sessions).isInstanceOf(StoreClosedException.class);
        topology = new TopologyFixture(stateDir);
    }
}
