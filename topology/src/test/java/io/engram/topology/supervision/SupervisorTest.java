package io.engram.topology.supervision;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class SupervisorTest {
    private final Supervisor supervisor = new Supervisor();

    @Test
    void shouldRunAgainWhatDiesOfAnError() throws InterruptedException {
        CountDownLatch runs = new CountDownLatch(2);

        Supervisor.Supervised thread = supervisor.start("dies", () -> {
            runs.countDown();
            throw new NoClassDefFoundError("just once more");
        });

        assertThat(runs.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(supervisor.alive()).isEqualTo(1);
        assertThat(supervisor.trouble()).isEmpty();
        thread.close();
    }

    @Test
    void shouldRepeatATaskThatThrows() throws InterruptedException {
        CountDownLatch runs = new CountDownLatch(3);

        Supervisor.Supervised task = supervisor.every("throws", 0, 1, () -> {
            runs.countDown();
            throw new IllegalStateException("each time");
        });

        assertThat(runs.await(30, TimeUnit.SECONDS)).isTrue();
        assertThat(supervisor.trouble()).isEmpty();
        task.close();
    }

    @Test
    void shouldReportATaskThatIsNotRepeatedAnyMore() {
        ScheduledExecutorService executor = Executors.newSingleThreadScheduledExecutor();
        supervisor.every("abandoned", executor, 0, 1, () -> {});

        executor.shutdownNow();

        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(supervisor.trouble()).contains("threads are dead: abandoned"));
        assertThat(supervisor.expected()).isEqualTo(1);
        assertThat(supervisor.alive()).isZero();
    }

    @Test
    void shouldReportAThreadOfALibraryThatEnded() throws InterruptedException {
        CountDownLatch go = new CountDownLatch(1);
        Thread thread = new Thread(
                () -> {
                    try {
                        go.await();
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "of-a-library");
        thread.start();
        assertThat(supervisor.watch("of-a-library")).isPresent();
        assertThat(supervisor.trouble()).isEmpty();

        go.countDown();
        thread.join();

        assertThat(supervisor.trouble()).contains("threads are dead: of-a-library");
        assertThat(supervisor.watch("of-nobody")).isEmpty();
    }

    @Test
    void shouldNotBeLiveAfterAnErrorOfTheMachine() throws InterruptedException {
        AtomicInteger runs = new AtomicInteger();
        CountDownLatch died = new CountDownLatch(1);

        Supervisor.Supervised task = supervisor.every("hungry", 0, 1, () -> {
            if (runs.incrementAndGet() == 1) {
                throw new OutOfMemoryError("for the test");
            }
            died.countDown();
        });

        assertThat(died.await(30, TimeUnit.SECONDS)).isTrue();
        task.close();

        assertThat(supervisor.trouble())
                .hasValueSatisfying(text -> assertThat(text).contains("hungry").contains("OutOfMemoryError"));
    }

    @Test
    void shouldForgetWhatWasClosed() {
        Supervisor.Supervised thread = supervisor.start("short", () -> {});

        thread.close();

        assertThat(supervisor.expected()).isZero();
        assertThat(supervisor.trouble()).isEmpty();
    }
}
