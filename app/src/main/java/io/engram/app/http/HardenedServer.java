package io.engram.app.http;

import io.engram.app.errors.StartupException;
import io.engram.app.net.Endpoint;
import io.javalin.Javalin;
import io.javalin.config.JavalinConfig;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpResponseException;
import io.javalin.util.JavalinBindException;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import org.eclipse.jetty.ee10.servlet.ServletContextRequest;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EofException;
import org.eclipse.jetty.io.ManagedSelector;
import org.eclipse.jetty.io.SocketChannelEndPoint;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Server;
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
    private static final long FIRST_REQUEST_DEADLINE_MS = 15_000;
    private static final long BODY_DEADLINE_MS = 20_000;
    private static final long DRAIN_MS = 10_000;

    private static final Pattern DOT_SEGMENT =
            Pattern.compile("/(?:\\.|%2e){1,2}(?:[;/?]|$)", Pattern.CASE_INSENSITIVE);

    /** Where this machine reaches a server that listens on all addresses. */
    private static final Map<String, String> LOOPBACK_OF = Map.of("0.0.0.0", "127.0.0.1", "::", "::1");

    private final Javalin javalin;
    private final String host;
    private final int listeningOn;

    /**
     * What a server may use.
     *
     * @param threads that requests run on, 8 or more
     * @param maxBodyBytes of a request
     * @param bodies bytes that bodies may take together
     * @param answerBytes of an answer that takes no thread while the client does not read it
     * @param connections open at once; near that, new ones take the place of those that wait for their clients
     * @param idleMs for which a connection may be silent, milliseconds
     */
    record Limits(int threads, int maxBodyBytes, Budget bodies, int answerBytes, int connections, long idleMs) {}

    /**
     * Starts a server.
     *
     * @param what it is, for error messages: the configuration key of its port
     * @param fatal is told of an error after which this process should not go on
     * @throws StartupException when the port is in use
     */
    HardenedServer(
            String what, String host, int port, Limits limits, Consumer<Error> fatal, Consumer<RoutesConfig> routes) {
        this.host = host;
        this.javalin = Javalin.create(config -> configure(config, host, port, limits, fatal, routes));
        try {
            javalin.start();
        } catch (JavalinBindException e) {
            throw new StartupException(
                    "cannot listen on " + Endpoint.authority(host, port)
                            + ": the port is in use, or the address is not this machine's; set " + what,
                    e);
        }
        // Asked for later, it would be -1 to requests that end while the server stops.
        this.listeningOn = javalin.port();
    }

    private static void configure(
            JavalinConfig config,
            String host,
            int port,
            Limits limits,
            Consumer<Error> fatal,
            Consumer<RoutesConfig> routes) {
        config.startup.showJavalinBanner = false;
        config.startup.showOldJavalinVersionWarning = false;
        config.http.prefer405over404 = true;
        // Clients shorten dot segments by themselves: what is left of /memories/.. must not be another route.
        config.router.ignoreTrailingSlashes = false;
        config.router.treatMultipleSlashesAsSingleSlash = false;
        config.routes.before(HardenedServer::refuseDotSegments);
        config.http.maxRequestSize = limits.maxBodyBytes();
        config.jetty.threadPool = new QueuedThreadPool(limits.threads(), Math.min(8, limits.threads()), 30_000);
        config.jetty.addConnector((server, http) -> {
            // An answer that fits into the buffer is written whole at its end, by whichever thread finds the connection
            // ready.
            http.setOutputBufferSize(limits.answerBytes());
            http.setOutputAggregationSize(limits.answerBytes());
            ServerConnector connector = new WatchedConnector(server, new HttpConnectionFactory(http));
            connector.setHost(host);
            connector.setPort(port);
            connector.setIdleTimeout(limits.idleMs());
            connector.setAcceptQueueSize(1_024);
            connector.addBean(firstRequestDeadline(connector));
            // Below the limit, at which nobody is let in.
            int most = limits.connections() - limits.connections() / 8;
            connector.addBean(new ConnectionRoom(most, System::nanoTime, connector.getScheduler()));
            return connector;
        });
        config.jetty.modifyServer(server -> {
            server.setStopTimeout(DRAIN_MS);
            server.setErrorHandler(new ProblemErrorHandler());
            server.insertHandler(new AsyncBodyHandler(limits.maxBodyBytes(), BODY_DEADLINE_MS, limits.bodies()));
            server.insertHandler(new HeadHandler());
            server.insertHandler(new GracefulHandler());
            server.addBean(new NetworkConnectionLimit(limits.connections(), server));
        });
        config.jetty.modifyServletContextHandler(servlets -> servlets.setErrorHandler(new ProblemErrorHandler()));
        config.routes.exception(Problem.ProblemException.class, (e, context) -> respond(context, e.problem()));
        config.routes.exception(HttpResponseException.class, HardenedServer::respond);
        config.routes.exception(Exception.class, HardenedServer::unexpected);
        config.router.javaLangErrorHandler((response, error) -> {
            LOG.error("A request ended with an error of the JVM", error);
            if (error instanceof VirtualMachineError && !(error instanceof StackOverflowError)) {
                fatal.accept(error);
            }
            response.setStatus(500);
        });
        routes.accept(config.routes);
    }

    /** Its connections can be asked whether the client is there. */
    private static final class WatchedConnector extends ServerConnector {
        WatchedConnector(Server server, HttpConnectionFactory http) {
            super(server, 1, 1, http);
        }

        @Override
        protected SocketChannelEndPoint newEndPoint(SocketChannel channel, ManagedSelector selector, SelectionKey key) {
            SocketChannelEndPoint endPoint = new WatchedEndPoint(channel, selector, key, getScheduler(), getExecutor());
            endPoint.setIdleTimeout(getIdleTimeout());
            return endPoint;
        }
    }

    /** Only what is exactly a route's path is the route: a path that has to be resolved first means nothing here. */
    private static void refuseDotSegments(Context context) {
        if (DOT_SEGMENT.matcher(context.req().getRequestURI()).find()) {
            throw Problem.badRequest("the path must not have a segment that is . or .., encoded or not: "
                            + context.req().getRequestURI())
                    .asException();
        }
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
        if (context.res().isCommitted()) {
            abort(context, problem.detail());
            return;
        }
        problem.retryAfterMs().ifPresent(ms -> context.header("Retry-After", problem.retryAfterSeconds()));
        context.status(problem.status()).contentType(Problem.CONTENT_TYPE).result(problem.json());
    }

    /** An answer that began well and cannot be finished must not look whole: its connection ends in the middle. */
    static void abort(Context context, String why) {
        LOG.debug("Breaking off an answer: {}", why);
        ServletContextRequest.getServletContextRequest(context.req())
                .getServletChannel()
                .abort(new EofException(why));
    }

    private static void respond(HttpResponseException e, Context context) {
        Map<String, String> details = e.getDetails();
        String methods = details.getOrDefault("availableMethods", details.get("Available methods"));
        if (e.getStatus() == 405 && methods != null) {
            String allowed = (methods.contains("GET") ? methods + ", HEAD" : methods) + ", OPTIONS";
            context.header("Allow", allowed);
            if (context.req().getMethod().equals("OPTIONS")) {
                context.status(204);
                return;
            }
            respond(
                    context,
                    Problem.of(
                            405,
                            "Method Not Allowed",
                            context.req().getMethod() + " is not allowed on " + context.path() + "; use " + allowed));
        } else if (e.getStatus() == 404) {
            respond(context, Problem.of(404, "Not Found", "there is no route " + context.path()));
        } else {
            respond(context, Problem.of(e.getStatus(), HttpStatus.getMessage(e.getStatus()), e.getMessage()));
        }
    }

    private static void unexpected(Exception e, Context context) {
        if (context.res().isCommitted() || e instanceof EofException) {
            LOG.debug("Cannot finish the answer to {} {}", context.method(), context.path(), e); // the client has left
        } else {
            LOG.error("{} {} failed unexpectedly", context.method(), context.path(), e);
        }
        respond(
                context,
                Problem.of(
                        500,
                        "Internal Server Error",
                        "an unexpected error, see the log: " + e.getClass().getSimpleName()));
    }

    String url() {
        String reachable = LOOPBACK_OF.getOrDefault(host, host);
        return "http://" + Endpoint.authority(reachable, listeningOn);
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
