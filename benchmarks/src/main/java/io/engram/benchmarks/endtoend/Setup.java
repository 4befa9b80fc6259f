package io.engram.benchmarks.endtoend;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A broker in a process of its own, and what runs beside it in one directory. */
final class Setup implements AutoCloseable {
    private final Path home = Path.of(System.getProperty("engram.home"));
    private final Path directory;
    private final int port;
    private final String bootstrap;
    private ChildProcess broker;
    // Of the processes that are started from now on.
    private Map<String, String> clock = Map.of();

    private Setup(Path directory, int port) {
        this.directory = directory;
        this.port = port;
        this.bootstrap = "127.0.0.1:" + port;
        this.broker = startBroker();
    }

    private ChildProcess startBroker() {
        return ChildProcess.start(
                List.of(),
                home,
                directory.resolve("broker.log"),
                "-Xmx1g",
                List.of("broker", "--port", Integer.toString(port), "--dir", directory + "/broker"),
                clock);
    }

    /** Starts the broker and waits until it is ready. */
    static Setup start(Path directory) throws IOException, InterruptedException {
        Setup setup = new Setup(directory, freePort());
        try {
            setup.awaitBroker();
            return setup;
        } catch (InterruptedException | RuntimeException e) {
            setup.close();
            throw e;
        }
    }

    private void awaitBroker() throws InterruptedException {
        broker.await("ready " + bootstrap);
    }

    String bootstrap() {
        return bootstrap;
    }

    /** Starts the broker again with another clock, and with it all processes that are started afterwards; none may be running. */
    void moveClock(MovedClock moved) throws InterruptedException {
        clock = moved.environment();
        broker.close();
        broker = startBroker();
        awaitBroker();
    }

    /** Starts an instance, or starts it again with its state, and waits until it is ready. */
    ServedInstance serve(String name, List<String> settings, String javaOptions) throws InterruptedException {
        return serve(List.of("serve"), name, settings, javaOptions);
    }

    /** As {@link #serve(String, List, String)}, with less memory. */
    ServedInstance serve(String name, List<String> settings, MemoryLimit limit, String javaOptions)
            throws InterruptedException {
        return new ServedInstance(
                home,
                directory,
                bootstrap,
                List.of("serve"),
                name,
                EndToEndCommand.PARTITIONS,
                settings,
                limit.launcher(),
                javaOptions,
                clock);
    }

    /** As {@link #serve(String, List, String)}, by another command. */
    ServedInstance serve(List<String> command, String name, List<String> settings, String javaOptions)
            throws InterruptedException {
        return new ServedInstance(
                home,
                directory,
                bootstrap,
                command,
                name,
                EndToEndCommand.PARTITIONS,
                settings,
                List.of(),
                javaOptions,
                clock);
    }

    LoadRun load(ServedInstance instance, Workload workload, int dimension) {
        return load(instance, workload, dimension, 0);
    }

    /** As {@link #load(ServedInstance, Workload, int)}, when so many were sent before. */
    LoadRun load(ServedInstance instance, Workload workload, int dimension, long sent) {
        return new LoadRun(home, directory, bootstrap, instance, workload, dimension, sent);
    }

    @Override
    public void close() {
        broker.close();
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    /** Deletes what the processes left. */
    static void delete(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
