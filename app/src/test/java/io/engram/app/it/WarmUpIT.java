package io.engram.app.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.engram.app.config.ConfigLoader;
import io.engram.app.config.EngramConfig;
import io.engram.app.lifecycle.EngramApplication;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** An instance makes recalls of its own before it is ready: nobody sees them, and nothing depends on them. */
class WarmUpIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final String ITS_LOGGER = "io.engram.app.lifecycle.WarmUp";
    private static final String WARMED_UP = "Warmed up with [1-9]\\d* recalls in .*";

    @TempDir
    Path stateDir;

    private final List<ILoggingEvent> events = new CopyOnWriteArrayList<>();
    private final Logger root = (Logger) LoggerFactory.getLogger("io.engram");
    private final Logger its = (Logger) LoggerFactory.getLogger(ITS_LOGGER);

    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            events.add(event);
        }
    };

    @BeforeEach
    void listen() {
        appender.setContext(root.getLoggerContext());
        appender.start();
        root.addAppender(appender);
        its.setLevel(Level.DEBUG);
    }

    @AfterEach
    void listenNoMore() {
        its.setLevel(null);
        root.detachAppender(appender);
    }

    private boolean said(Level level, String pattern) {
        return events.stream()
                .anyMatch(event -> event.getLoggerName().equals(ITS_LOGGER)
                        && event.getLevel() == level
                        && event.getFormattedMessage().matches(pattern));
    }

    @Test
    void shouldLeaveNoTraceOfTheWarmUp() throws Exception {
        try (Instance instance = Instance.start("warm-up-traceless", stateDir, "warm.up.ms=30000")) {
            assertThat(said(Level.DEBUG, WARMED_UP)).isTrue();

            assertThat(instance.get("/v1/spaces").body()).contains("\"spaces\":[]");
            assertThat(instance.sumOf("engram_recalls_total")).isZero();
            assertThat(instance.sumOf("engram_streaming_recall_latency_seconds_count"))
                    .isZero();
            assertThat(instance.metrics()).doesNotContain("space=\"small\"").doesNotContain("space=\"large\"");
            assertThat(events)
                    .filteredOn(event -> event.getLevel().isGreaterOrEqual(Level.INFO))
                    .noneMatch(event -> event.getFormattedMessage().matches("(?s).*(sample|[Ww]arm).*"));
            await().atMost(PATIENCE).until(() -> !Files.exists(stateDir.resolve("hnsw/warm-up")));
            await().atMost(PATIENCE)
                    .until(() -> Thread.getAllStackTraces().keySet().stream()
                            .noneMatch(thread -> thread.getName().equals("engram-warm-up")));
        }
    }

    private EngramConfig config(String name, String warmUpMs) {
        ConfigLoader loader = new ConfigLoader();
        Instance.settings(name, stateDir).forEach(loader::set);
        List.of("http.port=0", "metrics.port=0", "shutdown.drain.ms=0", "warm.up.ms=" + warmUpMs)
                .forEach(loader::set);
        return loader.load();
    }

    @Test
    void shouldBecomeReadyWhenTheWarmUpFails() throws Exception {
        EngramConfig config = config("warm-up-fails", "60000");
        AtomicInteger engines = new AtomicInteger();
        try (EngramApplication application = new EngramApplication(config, executor -> {
            if (engines.getAndIncrement() > 0) {
                throw new IllegalStateException("only one engine here");
            }
            return config.engine(executor);
        })) {
            application.start();

            assertThat(application.isReady()).isTrue();
            assertThat(said(Level.WARN, "The warm-up failed.*")).isTrue();
        }
    }

    @Test
    void shouldBecomeReadyWhenTheTimeOfTheWarmUpIsUp() throws Exception {
        EngramConfig config = config("warm-up-hangs", "1000");
        AtomicInteger engines = new AtomicInteger();
        CountDownLatch stopped = new CountDownLatch(1);
        try (EngramApplication application = new EngramApplication(config, executor -> {
            if (engines.getAndIncrement() > 0) {
                hang(stopped);
            }
            return config.engine(executor);
        })) {
            application.start();

            assertThat(application.isReady()).isTrue();
            assertThat(stopped.getCount()).isEqualTo(1);
        }
        assertThat(stopped.getCount()).isZero();
    }

    /** Until it is interrupted. */
    private static void hang(CountDownLatch stopped) {
        try {
            new CountDownLatch(1).await();
        } catch (InterruptedException e) {
            stopped.countDown();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
