package io.engram.app.kafka;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import kafka.server.BrokerServer;
import kafka.server.ControllerServer;
import kafka.server.KafkaConfig;
import kafka.server.KafkaRaftServer;
import kafka.server.Server;
import kafka.server.SharedServer;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.properties.MetaPropertiesEnsemble;
import org.apache.kafka.metadata.storage.Formatter;
import org.apache.kafka.server.ServerSocketFactory;
import org.apache.kafka.server.common.Feature;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.server.fault.FaultHandler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Kafka broker and controller (KRaft, KIP-500) in this process, listening on loopback only. For trying things out and
 * for tests, not for production: one node, one replica of everything.
 *
 * <p>The servers are put together one by one instead of through {@code KafkaRaftServer}, because that one picks its own
 * sockets and halts the process when something fails; here a port in use is an exception.
 */
public final class EmbeddedKafka implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedKafka.class);
    private static final String HOST = "127.0.0.1";
    private static final int NODE_ID = 1;

    private final String clusterId;
    private final int port;
    private final ServerSocketChannel socket;
    private final FileChannel directoryLock;
    private final ControllerServer controller;
    private final BrokerServer broker;

    /**
     * Starts a broker; returns when it can be used.
     *
     * @param directory of its data; formatted when empty, else continued with the same cluster id
     * @param port to listen on, 0 for any free one
     * @throws IOException when the port is in use, or the directory belongs to a running broker or is not writable
     */
    public static EmbeddedKafka start(Path directory, int port) throws IOException {
        return start(directory, port, Map.of());
    }

    /** As {@link #start(Path, int)}, with broker settings that override the built-in ones. */
    public static EmbeddedKafka start(Path directory, int port, Map<String, String> overrides) throws IOException {
        ServerSocketChannel socket = bind(port);
        try {
            FileChannel lock = lock(directory);
            try {
                return new EmbeddedKafka(directory, socket, lock, overrides);
            } catch (IOException | RuntimeException | Error e) {
                lock.close();
                throw e;
            }
        } catch (IOException | RuntimeException | Error e) {
            socket.close();
            throw e;
        }
    }

    private EmbeddedKafka(
            Path directory, ServerSocketChannel socket, FileChannel directoryLock, Map<String, String> overrides)
            throws IOException {
        this.socket = socket;
        this.directoryLock = directoryLock;
        this.port = ((InetSocketAddress) socket.getLocalAddress()).getPort();
        this.clusterId = format(directory);
        KafkaConfig config = new KafkaConfig(settings(directory, port, overrides), false);
        var initialised = KafkaRaftServer.initializeLogDirs(config, LOG, "");
        CompletableFuture<Map<Integer, InetSocketAddress>> voters = new CompletableFuture<>();
        SharedServer shared = new SharedServer(
                config,
                initialised._1(),
                Time.SYSTEM,
                Server.initializeMetrics(config, Time.SYSTEM, clusterId),
                voters,
                List.of(),
                (name, fatal, action) -> faultHandler(name, fatal, action),
                (listener, address, backlog, receiveBuffer) -> listener.equals("PLAINTEXT")
                        ? socket
                        : ServerSocketFactory.INSTANCE.openServerSocket(listener, address, backlog, receiveBuffer));
        this.controller = new ControllerServer(shared, KafkaRaftServer.configSchema(), initialised._2());
        this.broker = new BrokerServer(shared);
        controller.socketServerFirstBoundPortFuture().whenComplete((bound, failure) -> {
            if (failure == null) {
                voters.complete(Map.of(NODE_ID, new InetSocketAddress(HOST, bound)));
            } else {
                voters.completeExceptionally(failure);
            }
        });
        try {
            controller.startup();
            broker.startup();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private static FaultHandler faultHandler(String name, boolean fatal, Runnable action) {
        return (message, cause) -> {
            if (fatal) {
                action.run();
                LOG.error("The embedded broker failed: {}: {}", name, message, cause);
            } else {
                LOG.warn("The embedded broker reports: {}: {}", name, message, cause);
            }
            return new RuntimeException(name + ": " + message, cause);
        };
    }

    // Bound before anything else starts: a port in use is found at once, and nobody can take it meanwhile.
    private static ServerSocketChannel bind(int port) throws IOException {
        ServerSocketChannel socket = ServerSocketChannel.open();
        try {
            socket.bind(new InetSocketAddress(HOST, port), 50).configureBlocking(false);
            return socket;
        } catch (BindException e) {
            socket.close();
            throw new IOException("port " + port + " is in use; stop what listens there or choose another port", e);
        }
    }

    // Kafka's own lock comes too late: by then a second controller would have written to the metadata log.
    private static FileChannel lock(Path directory) throws IOException {
        Files.createDirectories(directory);
        FileChannel file = FileChannel.open(
                directory.resolve(".engram-broker.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (file.tryLock() != null) {
                return file;
            }
        } catch (OverlappingFileLockException e) {
            LOG.debug("{} is locked by this process", directory, e);
        }
        file.close();
        throw new IOException("broker directory " + directory + " is in use by another broker");
    }

    /** {@code host:port} for clients. */
    public String bootstrapServers() {
        return HOST + ":" + port;
    }

    public int port() {
        return port;
    }

    public String clusterId() {
        return clusterId;
    }

    @Override
    public synchronized void close() {
        try {
            broker.shutdown();
        } finally {
            try {
                controller.shutdown();
            } finally {
                closeQuietly(socket);
                closeQuietly(directoryLock);
            }
        }
    }

    private static void closeQuietly(AutoCloseable closeable) {
        try {
            closeable.close();
        } catch (Exception e) {
            LOG.debug("Could not close {}", closeable, e);
        }
    }

    private static String format(Path directory) throws IOException {
        MetaPropertiesEnsemble found = new MetaPropertiesEnsemble.Loader()
                .addLogDirs(List.of(directory.toString()))
                .addMetadataLogDir(directory.toString())
                .load();
        if (!found.errorLogDirs().isEmpty()) {
            throw new IOException("cannot read meta.properties in " + directory);
        }
        if (found.clusterId().isPresent()) {
            return found.clusterId().get();
        }
        String id = Uuid.randomUuid().toString();
        try {
            new Formatter()
                    .setPrintStream(new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8))
                    .setSupportedFeatures(Feature.PRODUCTION_FEATURES)
                    .setReleaseVersion(MetadataVersion.LATEST_PRODUCTION)
                    .setNodeId(NODE_ID)
                    .setClusterId(id)
                    .addDirectory(directory.toString())
                    .setMetadataLogDirectory(directory.toString())
                    .setControllerListenerName("CONTROLLER")
                    .setIgnoreFormatted(true)
                    .run();
        } catch (Exception e) {
            throw new IOException("cannot format " + directory + " for a broker: " + e.getMessage(), e);
        }
        return id;
    }

    private static Map<String, String> settings(Path directory, int port, Map<String, String> overrides) {
        Map<String, String> settings = new HashMap<>();
        settings.put("process.roles", "broker,controller");
        settings.put("node.id", Integer.toString(NODE_ID));
        settings.put("log.dirs", directory.toString());
        settings.put("controller.quorum.voters", NODE_ID + "@" + HOST + ":0");
        settings.put("listeners", "PLAINTEXT://" + HOST + ":" + port + ",CONTROLLER://" + HOST + ":0");
        settings.put("controller.listener.names", "CONTROLLER");
        settings.put("inter.broker.listener.name", "PLAINTEXT");
        settings.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
        // One node: one replica of everything, and no more partitions of internal topics than that needs.
        for (String one : List.of(
                "default.replication.factor",
                "min.insync.replicas",
                "offsets.topic.replication.factor",
                "offsets.topic.num.partitions",
                "transaction.state.log.replication.factor",
                "transaction.state.log.min.isr",
                "transaction.state.log.num.partitions",
                "share.coordinator.state.topic.replication.factor",
                "share.coordinator.state.topic.min.isr",
                "share.coordinator.state.topic.num.partitions")) {
            settings.put(one, "1");
        }
        settings.put("num.network.threads", "2");
        settings.put("num.io.threads", "4");
        settings.put("background.threads", "2");
        settings.put("auto.create.topics.enable", "false");
        settings.put("group.initial.rebalance.delay.ms", "0");
        // After a crash the next start waits for the old registration to expire.
        settings.put("broker.session.timeout.ms", "3000");
        settings.put("broker.heartbeat.interval.ms", "500");
        settings.put("metadata.max.idle.interval.ms", "0");
        settings.put("metric.reporters", "");
        // The defaults are sized for a server of its own: 128 MB of heap, 10 MB a segment.
        settings.put("log.cleaner.dedupe.buffer.size", "4194304");
        settings.put("log.index.size.max.bytes", "1048576");
        settings.putAll(overrides);
        return settings;
    }
}
