package io.engram.app.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ScatterTest {
    private static final int MANY = 200;

    @Test
    void shouldGoOnByItselfWhileOthersKeepAllHelpersBusy() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        List<Thread> slow = new ArrayList<>();
        try (Scatter scatter = new Scatter()) {
            CountDownLatch busy = new CountDownLatch(32);
            for (int i = 0; i < 16; i++) {
                List<Callable<Boolean>> parts = new ArrayList<>();
                for (int part = 0; part < 8; part++) {
                    parts.add(() -> {
                        busy.countDown();
                        return release.await(60, TimeUnit.SECONDS);
                    });
                }
                Thread request = new Thread(() -> scatter.all(parts));
                request.start();
                slow.add(request);
            }
            // Sixteen requests and sixteen helpers wait.
            assertThat(busy.await(30, TimeUnit.SECONDS)).isTrue();

            List<Callable<Integer>> parts = new ArrayList<>();
            for (int i = 0; i < MANY; i++) {
                int number = i;
                parts.add(() -> number);
            }
            List<Future<Integer>> futures = scatter.all(parts);

            for (int i = 0; i < MANY; i++) {
                assertThat(futures.get(i).get(0, TimeUnit.SECONDS)).isEqualTo(i);
            }
            release.countDown();
            for (Thread request : slow) {
                request.join();
            }
        }
    }
}
