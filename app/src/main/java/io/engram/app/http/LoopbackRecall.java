package io.engram.app.http;

import io.engram.app.config.EngramConfig;
import io.engram.app.query.Cluster;
import io.engram.app.query.LocalStores;
import io.engram.app.query.Peers;
import io.engram.app.query.RecallService;
import io.engram.topology.metrics.EngramMetrics;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Recall alone, by the same routes as in {@link ApiServer}, of other stores and on a port of its own that only this machine
 * reaches: an instance asks it to be warm before its clients come. Thread-safe.
 */
public final class LoopbackRecall implements AutoCloseable {
    private static final String HOST = "127.0.0.1";
    private static final int THREADS = 8;
    private static final int CONNECTIONS = 8;
    private static final int AT_ONCE = 4;
    private static final long BYTES = 8 << 20;

    private final Scatter scatter = new Scatter();
    private final HardenedServer server;

    /**
     * Starts to listen on any free port.
     *
     * @param stores that are recalled from
     * @param metrics that the recalls are counted with
     * @param fatal is told of an error after which this process should not go on
     */
    public LoopbackRecall(EngramConfig config, LocalStores stores, EngramMetrics metrics, Consumer<Error> fatal) {
        Concurrency concurrency = new Concurrency(AT_ONCE, AT_ONCE, 1, System::nanoTime);
        RequestRouter router = new RequestRouter(
                Cluster.alone(stores, config.advertisedAddress(), System::nanoTime),
                new Peers("http", Optional.empty(), config.routingHostTimeoutMs()),
                config.routingHostTimeoutMs(),
                concurrency);
        RecallRoutes routes = new RecallRoutes(
                new RecallService(stores),
                stores,
                router,
                scatter,
                metrics,
                concurrency,
                new Answers(new Budget(BYTES, 1, System::nanoTime), concurrency),
                () -> "http://" + HOST,
                config.recallTimeoutMs());
        server = new HardenedServer(
                "no port for it: any that is free will do",
                HOST,
                0,
                new HardenedServer.Limits(
                        THREADS,
                        config.maxBodyBytes(),
                        new Budget(Math.max(BYTES, config.maxBodyBytes()), 1, System::nanoTime),
                        Answers.SMALL_BYTES,
                        CONNECTIONS,
                        config.httpIdleTimeoutMs()),
                fatal,
                routes::register);
    }

    public String url() {
        return server.url();
    }

    @Override
    public void close() {
        server.close();
        scatter.close();
    }
}
