package io.engram.benchmarks.endtoend;

import io.engram.app.cli.ApiClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An instance in a process of its own, with all that is measured of it from outside. */
final class ServedInstance implements AutoCloseable {
    private static final Pattern PAUSE = Pattern.compile("Pause .* (\\d+\\.\\d+)ms$");

    private final String prefix;
    private final ChildProcess process;
    private final Path gcLog;
    private final String url;
    private final String metricsUrl;
    private final Scrape scrape;
    private final ApiClient client;

    /**
     * Starts one and waits until it is ready.
     *
     * @param serve the command that serves, e.g. {@code serve}
     * @param name of its topics, state and logs
     * @param settings that come on top, {@code key=value}
     * @param launcher words before the command, e.g. of one that limits its memory; none for the command itself
     * @param environment variables beside those of this process
     */
    ServedInstance(
            Path home,
            Path directory,
            String bootstrap,
            List<String> serve,
            String name,
            int partitions,
            List<String> settings,
            List<String> launcher,
            String javaOptions,
            Map<String, String> environment)
            throws InterruptedException {
        prefix = name;
        gcLog = directory.resolve(name + ".gc.log");
        List<String> arguments = new ArrayList<>(serve);
        List<String> all = new ArrayList<>(List.of(
                "kafka.bootstrap.servers=" + bootstrap,
                "application.id=" + name,
                "topics.prefix=" + name,
                "state.dir=" + directory.resolve(name),
                "partitions=" + partitions,
                "http.port=0",
                "metrics.port=0",
                "shutdown.drain.ms=0"));
        all.addAll(settings);
        for (String setting : all) {
            arguments.add("--set");
            arguments.add(setting);
        }
        process = ChildProcess.start(
                launcher,
                home,
                directory.resolve(name + ".log"),
                "-Xlog:gc:file=" + gcLog + " " + javaOptions,
                arguments,
                environment);
        Matcher ready = process.await("ready (http\\S+) metrics (http\\S+)");
        url = ready.group(1);
        metricsUrl = ready.group(2);
        scrape = new Scrape(metricsUrl);
        client = new ApiClient(url);
    }

    String prefix() {
        return prefix;
    }

    String url() {
        return url;
    }

    String metricsUrl() {
        return metricsUrl;
    }

    Scrape scrape() {
        return scrape;
    }

    ApiClient client() {
        return client;
    }

    /** What is left of the heap after a collection, bytes. */
    long liveHeapBytes() throws IOException, InterruptedException {
        process.collectGarbage();
        return scrape().heapBytes();
    }

    ChildProcess process() {
        return process;
    }

    /** All pauses for garbage collection so far, milliseconds. */
    List<Double> gcPausesMs() throws IOException {
        List<Double> pauses = new ArrayList<>();
        for (String line : Files.readAllLines(gcLog)) {
            Matcher matcher = PAUSE.matcher(line);
            if (matcher.find()) {
                pauses.add(Double.parseDouble(matcher.group(1)));
            }
        }
        return pauses;
    }

    @Override
    public void close() {
        process.close();
    }
}
