package io.engram.app.http;

import io.engram.app.lifecycle.StartupException;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.util.JavalinBindException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.util.thread.QueuedThreadPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An HTTP server that slow, broken and too many clients cannot bring down, and whose errors are all problem details.
 * Stopping it lets running requests end.
 */
final class HardenedServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(HardenedServer.class);
    private static final int MAX_CONNECTIONS = 5_000;
    private static final long IDLE_MS = 60_000;
    private static final long FIRST_REQUEST_DEADLINE_MS = 15_000;
    private static final long BODY_DEADLINE_MS = 20_000;
    private static final long DRAIN_MS = 10_000;

    private final Javalin javalin;
    private final String host;

    /**
     * Starts a server.
     *
     * @param what it is, for error messages: the configuration key of its port
     * @param threads that work on requests, 8 or more
     * @param maxBodyBytes of a request
     * @throws StartupException when the port is in use
     */
    HardenedServer(String what, String host, int port, int threads, int maxBodyBytes, Consumer<RoutesConfig> routes) {
        this.host = host;
        this.javalin = Javalin.create(config -> configure(config, host, port, threads, maxBodyBytes, routes));
        try {
            javalin.start();
        } catch (JavalinBindException e) {
            throw new StartupException(
                    "cannot listen on " + host + ":" + port
                            + ": the port is in use, or the address is not this machine's; set " + what,
                    e);
        }
    }

    private static void configure(
            JavalinConfig config, String host, int port, int threads, int maxBodyBytes, Consumer<RoutesConfig> routes) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.http.prefer405over404 = true;
        config.http.maxRequestSize = maxBodyBytes;
        config.jetty.threadPool = new QueuedThreadPool(threads, Math.min(8, threads), 30_000);
        config.jetty.addConnector((server, http) -> {
            ServerConnector connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
            connector.setHost(host);
            connector.setPort(port);
            connector.setIdleTimeout(IDLE_MS);
            connector.setAcceptQueueSize(1_024);
            connector.addBean(firstRequestDeadline(connector));
            return connector;
        });
        config.jetty.modifyServer(server -> {
            server.setStopTimeout(DRAIN_MS);
            server.setErrorHandler(new ProblemErrorHandler());
            server.insertHandler(new AsyncBodyHandler(maxBodyBytes, BODY_DEADLINE_MS));
            server.insertHandler(new GracefulHandler());
            server.addBean(new NetworkConnectionLimit(MAX_CONNECTIONS, server));
        });
        config.jetty.modifyServletContextHandler(servlets -> servlets.setErrorHandler(new ProblemErrorHandler()));
        config.routes.exception(Problem.ProblemException.class, (e, context) -> respond(context, e.problem()));
        config.routes.exception(HttpResponseException.class, HardenedServer::respond);
        config.routes.exception(Exception.class, HardenedServer::unexpected);
        config.router.javaLangErrorHandler((response, error) -> {
            LOG.error("A request ended with an error of the JVM", error);
            response.setStatus(500);
        });
        routes.accept(config.routes);
    }

    /** Closes connections that do not get a request line and headers through in time. */
    private static Connection.Listener firstRequestDeadline(ServerConnector connector) {
        return new Connection.Listener() {
            @Override
            public void onOpened(Connection connection) {
                connector
                        .getScheduler()
                        .schedule(
                                () -> {
                                    if (connection.getMessagesIn() == 0) {
                                        connection.getEndPoint().close();
                                    }
                                },
                                FIRST_REQUEST_DEADLINE_MS,
                                TimeUnit.MILLISECONDS);
            }
        };
    }

    static void respond(Context context, Problem problem) {
        problem.retryAfterMs().ifPresent(ms -> context.header("Retry-After", problem.retryAfterSeconds()));
        context.status(problem.status()).contentType(Problem.CONTENT_TYPE).result(problem.json());
    }

    private static void respond(HttpResponseException e, Context context) {
        Map<String, String> details = e.getDetails();
        String allowed = details.getOrDefault("availableMethods", details.get("Available methods"));
        if (e.getStatus() == 405 && allowed != null) {
            context.header("Allow", allowed);
            respond(
                    context,
                    Problem.of(
                            405,
                            "Method Not Allowed",
                            context.method() + " is not allowed on " + context.path() + "; use " + allowed));
        } else if (e.getStatus() == 404) {
            respond(context, Problem.of(404, "Not Found", "there is no route " + context.path()));
        } else {
            respond(context, Problem.of(e.getStatus(), HttpStatus.getMessage(e.getStatus()), e.getMessage()));
        }
    }

    private static void unexpected(Exception e, Context context) {
        LOG.error("{} {} failed unexpectedly", context.method(), context.path(), e);
        respond(
                context,
                Problem.of(
                        500,
                        "Internal Server Error",
                        "an unexpected error, see the log: " + e.getClass().getSimpleName()));
    }

    String url() {
        return "http://" + (host.equals("0.0.0.0") ? "127.0.0.1" : host) + ":" + javalin.port();
    }

    @Override
    public void close() {
        try {
            javalin.stop();
        } catch (RuntimeException e) {
            LOG.warn("Requests were still running when HTTP stopped", e);
        }
    }
}
