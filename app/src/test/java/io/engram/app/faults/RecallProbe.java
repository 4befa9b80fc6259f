package io.engram.app.faults;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/** Asks for recalls at a steady rate and notes what came back, so that gaps can be measured. */
final class RecallProbe implements AutoCloseable {
    /** One recall: when it was asked and answered, nanoseconds; how it ended; the role of whoever answered. */
    record Sample(long askedAt, long answeredAt, int status, String role, String error) {
        boolean failed() {
            return status != 200;
        }

        double ms() {
            return (answeredAt - askedAt) / 1e6;
        }
    }

    private final Supplier<Server> target;
    private final List<String> spaces;
    private final int dimension;
    private final Random random = new Random(7);
    private final List<Sample> samples = new ArrayList<>();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private final ExecutorService callers = Executors.newCachedThreadPool();
    private final List<Future<?>> calls = new ArrayList<>();

    RecallProbe(Supplier<Server> target, List<String> spaces, int dimension) {
        this.target = target;
        this.spaces = spaces;
        this.dimension = dimension;
    }

    void start(int perSecond) {
        clock.scheduleAtFixedRate(
                () -> calls.add(callers.submit(this::ask)), 0, 1_000_000 / perSecond, TimeUnit.MICROSECONDS);
    }

    private void ask() {
        String space;
        StringBuilder vector = new StringBuilder("[");
        synchronized (random) {
            space = spaces.get(random.nextInt(spaces.size()));
            for (int i = 0; i < dimension; i++) {
                vector.append(i == 0 ? "" : ",").append((float) random.nextGaussian());
            }
        }
        long asked = System.nanoTime();
        int status = 0;
        String role = "";
        String error = "";
        try {
            var answer = target.get().post("/v1/spaces/" + space + "/recall", "{\"vector\":" + vector + "],\"k\":5}");
            status = answer.statusCode();
            role = Server.MAPPER.readTree(answer.body()).path("role").asText();
            error = status == 200 ? "" : answer.body();
        } catch (IOException e) {
            error = e.toString();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        Sample sample = new Sample(asked, System.nanoTime(), status, role, error);
        synchronized (samples) {
            samples.add(sample);
        }
    }

    /** Stops asking, waits for what was asked, and returns all samples in order of their answers. */
    List<Sample> finish() throws Exception {
        clock.shutdown();
        clock.awaitTermination(5, TimeUnit.SECONDS);
        for (Future<?> call : calls) {
            call.get(30, TimeUnit.SECONDS);
        }
        synchronized (samples) {
            samples.sort((a, b) -> Long.compare(a.answeredAt(), b.answeredAt()));
            return List.copyOf(samples);
        }
    }

    /** The longest time without a good answer, milliseconds. */
    static double longestGapMs(List<Sample> samples) {
        long last = samples.get(0).askedAt();
        long longest = 0;
        for (Sample sample : samples) {
            if (!sample.failed()) {
                longest = Math.max(longest, sample.answeredAt() - last);
                last = sample.answeredAt();
            }
        }
        return longest / 1e6;
    }

    @Override
    public void close() {
        clock.shutdownNow();
        callers.shutdownNow();
    }
}
