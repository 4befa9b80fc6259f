package io.engram.benchmarks.endtoend;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A broker in a process of its own, and what runs beside it in one directory. */
final class Setup implements AutoCloseable {
    private final Path home = Path.of(System.getProperty("engram.home"));
    private final Path directory;
    private final String bootstrap;
    private final ChildProcess broker;

    private Setup(Path directory, int port) {
        this.directory = directory;
        this.bootstrap = "127.0.0.1:" + port;
        this.broker = ChildProcess.start(
                home,
                directory.resolve("broker.log"),
                "-Xmx1g",
                List.of("broker", "--port", Integer.toString(port), "--dir", directory + "/broker"));
    }

    /** Starts the broker and waits until it is ready. */
    static Setup start(Path directory) throws IOException, InterruptedException {
        Setup setup = new Setup(directory, freePort());
        try {
            setup.broker.await("ready " + setup.bootstrap);
            return setup;
        } catch (InterruptedException | RuntimeException e) {
            setup.close();
            throw e;
        }
    }

    /** Starts an instance, or starts it again with its state, and waits until it is ready. */
    ServedInstance serve(String name, List<String> settings, String javaOptions) throws InterruptedException {
        return serve(List.of("serve"), name, settings, javaOptions);
    }

    /** As {@link #serve(String, List, String)}, by another command. */
    ServedInstance serve(List<String> command, String name, List<String> settings, String javaOptions)
            throws InterruptedException {
        return new ServedInstance(
                home, directory, bootstrap, command, name, EndToEndCommand.PARTITIONS, settings, javaOptions);
    }

    LoadRun load(ServedInstance instance, Workload workload, int dimension) {
        return new LoadRun(home, directory, bootstrap, instance, workload, dimension);
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
