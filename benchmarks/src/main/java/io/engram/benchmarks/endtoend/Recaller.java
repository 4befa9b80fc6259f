package io.engram.benchmarks.endtoend;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.schemas.Embeddings;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Recalls over HTTP, one at a time: at a steady rate until told to stop, or a number of them back to back. */
final class Recaller {
    static final int K = 10;

    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final int QUERIES = 200;

    private final HttpClient http = HttpClient.newHttpClient();
    private final String url;
    private final List<String> spaces;
    private final int expected;
    private final List<String> bodies = new ArrayList<>();
    private final List<Double> tookMs = new ArrayList<>();
    private volatile boolean stop;
    private volatile Throwable failure;

    Recaller(String url, Workload workload) {
        this(url, workload, workload.spaces(), K);
    }

    /**
     * @param spaces that are asked in turn
     * @param expected what each recall finds, up to {@value #K}
     */
    Recaller(String url, Workload workload, List<String> spaces, int expected) {
        this.url = url;
        this.spaces = spaces;
        this.expected = expected;
        for (int i = 0; i < QUERIES; i++) {
            bodies.add(body(workload.query(i)));
        }
    }

    private static String body(float[] query) {
        ObjectNode body = MAPPER.createObjectNode();
        return body.put("vector", Embeddings.toBase64(query)).put("k", K).toString();
    }

    /** Runs {@code beside} while recalls go on; returns how long each took, milliseconds. */
    List<Double> beside(double perSecond, Action action) throws IOException, InterruptedException {
        tookMs.clear();
        stop = false;
        Thread asker = new Thread(() -> askUntilStopped(perSecond), "recaller");
        asker.start();
        try {
            action.run();
        } finally {
            stop = true;
            asker.join();
        }
        if (failure != null) {
            throw new BenchmarkException("a recall failed: " + failure);
        }
        return List.copyOf(tookMs);
    }

    /** What recalls go on beside. */
    interface Action {
        void run() throws IOException, InterruptedException;
    }

    private void askUntilStopped(double perSecond) {
        long start = System.nanoTime();
        try {
            for (int i = 0; !stop; i++) {
                long due = start + (long) (i * 1e9 / perSecond);
                for (long wait = due - System.nanoTime(); wait > 0 && !stop; wait = due - System.nanoTime()) {
                    LockSupport.parkNanos(Math.min(wait, TimeUnit.MILLISECONDS.toNanos(50)));
                }
                if (!stop) {
                    tookMs.add(ask(i));
                }
            }
        } catch (IOException | InterruptedException | RuntimeException e) {
            failure = e;
        }
    }

    /** Recalls back to back; returns how long each took, milliseconds. */
    List<Double> serial(int count) throws IOException, InterruptedException {
        List<Double> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            all.add(ask(i));
        }
        return all;
    }

    private double ask(int i) throws IOException, InterruptedException {
        long start = System.nanoTime();
        int found = recall(spaces.get(i % spaces.size()), bodies.get(i % bodies.size()))
                .size();
        double ms = (System.nanoTime() - start) / 1e6;
        if (found != expected) {
            throw new BenchmarkException("a recall found " + found + " memories instead of " + expected);
        }
        return ms;
    }

    /** Ids of the nearest, best first. */
    List<String> ids(String space, float[] query) throws IOException, InterruptedException {
        return recall(space, body(query));
    }

    /** How many a recall finds; 0 in a space that is not there. */
    int found(String space, float[] query) throws IOException, InterruptedException {
        HttpResponse<String> response = send(space, body(query));
        return response.statusCode() == 404 ? 0 : idsOf(response).size();
    }

    private List<String> recall(String space, String body) throws IOException, InterruptedException {
        return idsOf(send(space, body));
    }

    private HttpResponse<String> send(String space, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(url + "/v1/spaces/" + space + "/recall"))
                .header("Content-Type", "application/json")
                .timeout(Duration.ofSeconds(30))
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        return http.send(request, HttpResponse.BodyHandlers.ofString());
    }

    private static List<String> idsOf(HttpResponse<String> response) throws IOException {
        if (response.statusCode() != 200) {
            throw new BenchmarkException("a recall answered " + response.statusCode() + ": " + response.body());
        }
        List<String> ids = new ArrayList<>();
        for (JsonNode result : MAPPER.readTree(response.body()).path("results")) {
            ids.add(result.path("id").asText());
        }
        return ids;
    }
}
