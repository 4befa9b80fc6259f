package io.engram.app.http;

import io.engram.app.config.ConfigKeys;
import io.engram.app.config.EngramConfig;
import io.engram.app.query.Cluster;
import io.engram.app.query.Gateway;
import io.engram.app.query.LocalStores;
import io.engram.app.query.Peers;
import io.engram.app.query.RecallService;
import io.engram.app.query.UnavailableException;
import io.engram.app.state.StateVerifier;
import io.engram.topology.TopologyRuntime;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.Optional;
import java.util.function.Supplier;

/** The HTTP interface of an instance, up from its start. */
public final class ApiServer implements AutoCloseable {
    /** Threads beyond the limit of requests, so that health checks are answered under any load. */
    private static final int SPARE_THREADS = 16;

    private static final int MIN_CONNECTIONS = 500;
    private static final int MAX_CONNECTIONS = 5_000;
    private static final long RETRY_AFTER_MS = 1_000;

    /** Room for answers even in the smallest heap: what a few of the largest hold at once. */
    private static final long MIN_ANSWER_BYTES = 8 << 20;

    private final Scatter scatter = new Scatter();
    private final HardenedServer server;

    public ApiServer(
            EngramConfig config,
            RecallService recall,
            Gateway gateway,
            LocalStores stores,
            Cluster cluster,
            StateVerifier verifier,
            TopologyRuntime runtime,
            Probes probes) {
        Concurrency concurrency = new Concurrency(
                config.maxConcurrentRequests(), config.maxWaitingRequests(), config.addressShare(), System::nanoTime);
        // Known once the server listens: the port may be any free one.
        Supplier<String> servedBy = () -> config.advertisedUrl(url());
        String scheme = config.advertisedUrl().startsWith("https:") ? "https" : "http";
        RequestRouter router = new RequestRouter(
                cluster,
                new Peers(scheme, config.clusterSecret(), config.routingHostTimeoutMs()),
                config.routingHostTimeoutMs(),
                concurrency);
        Answers answers = new Answers(
                budget(Math.max(MIN_ANSWER_BYTES, Runtime.getRuntime().maxMemory() / 8), config), concurrency);
        RecallRoutes recallRoutes = new RecallRoutes(
                recall,
                stores,
                router,
                scatter,
                runtime.metrics(),
                concurrency,
                answers,
                servedBy,
                config.recallTimeoutMs());
        ObservationRoutes observationRoutes =
                new ObservationRoutes(gateway, router, concurrency, answers, config.recallTimeoutMs());
        StatusRoutes statusRoutes = new StatusRoutes(stores, runtime, router, concurrency, answers, servedBy, probes);
        SpaceRoutes spaceRoutes = new SpaceRoutes(
                stores, router, concurrency, answers, runtime.config().partitions());
        MaintenanceRoutes maintenanceRoutes = new MaintenanceRoutes(runtime.snapshots(), verifier, answers);
        server = new HardenedServer(
                ConfigKeys.HTTP_PORT,
                config.httpHost(),
                config.httpPort(),
                new HardenedServer.Limits(
                        config.maxConcurrentRequests() + config.maxWaitingRequests() + SPARE_THREADS,
                        config.maxBodyBytes(),
                        // An eighth of the heap leaves the rest to the streams and the index.
                        budget(
                                Math.max(
                                        config.maxBodyBytes(),
                                        Runtime.getRuntime().maxMemory() / 8),
                                config),
                        Answers.SMALL_BYTES,
                        // Each may hold a small answer that is not read.
                        (int) Math.max(
                                MIN_CONNECTIONS,
                                Math.min(MAX_CONNECTIONS, Runtime.getRuntime().maxMemory() / 4 / Answers.SMALL_BYTES)),
                        config.httpIdleTimeoutMs()),
                error -> runtime.supervisor().report("a request", error),
                routes -> {
                    registerErrors(routes);
                    recallRoutes.register(routes);
                    observationRoutes.register(routes);
                    statusRoutes.register(routes);
                    spaceRoutes.register(routes);
                    maintenanceRoutes.register(routes);
                });
    }

    private static Budget budget(long total, EngramConfig config) {
        return new Budget(total, config.addressShare(), System::nanoTime);
    }

    private static void registerErrors(RoutesConfig routes) {
        routes.exception(UnavailableException.NotKnownException.class, (e, context) -> {
            if (context.header(Peers.HOP_HEADER) == null) {
                HardenedServer.respond(context, unavailable(e));
            } else {
                // It does serve, and says what it knows; whoever passed the request on asks others as well.
                context.header(Peers.UNSURE_HEADER, "true");
                HardenedServer.respond(context, Problem.of(404, "Not Found", e.getMessage()));
            }
        });
        routes.exception(UnavailableException.class, (e, context) -> HardenedServer.respond(context, unavailable(e)));
        routes.exception(
                RecallService.NotIndexedInTimeException.class,
                (e, context) -> HardenedServer.respond(context, notIndexed(e)));
    }

    static Problem unavailable(UnavailableException e) {
        return Problem.retryLater(503, "Service Unavailable", e.getMessage(), RETRY_AFTER_MS);
    }

    static Problem notIndexed(RecallService.NotIndexedInTimeException e) {
        return Problem.of(504, "Gateway Timeout", e.getMessage());
    }

    static Problem.ProblemException unknownSpace(String space) {
        return Problem.of(
                        404, "Not Found", "there is no memory space '" + space + "'; the first observation creates it")
                .asException();
    }

    static Problem.ProblemException unknownMemory(String space, String id) {
        return Problem.of(404, "Not Found", "space '" + space + "' has no memory '" + id + "'")
                .asException();
    }

    /** The request's body, which must be declared as JSON. */
    static JsonBody jsonBody(Context context) {
        requireJson(context);
        return JsonBody.parse(context.bodyAsBytes());
    }

    static void requireJson(Context context) {
        if (!MediaTypes.isBody(context, MediaTypes.JSON)) {
            String type = Optional.ofNullable(context.contentType()).orElse("");
            throw Problem.of(415, "Unsupported Media Type", "Content-Type must be application/json, got '" + type + "'")
                    .asException();
        }
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
