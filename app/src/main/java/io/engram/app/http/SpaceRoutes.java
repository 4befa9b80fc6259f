package io.engram.app.http;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.engram.app.query.LocalStores;
import io.engram.app.query.UnavailableException;
import io.engram.schemas.MemorySpaces;
import io.engram.topology.store.MemoryView;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;

/**
 * The list of spaces, in pages: in order of name, over all partitions and instances. Of each partition no more keys are read
 * than a page may have, and some that are passed over, however many spaces there are.
 */
final class SpaceRoutes {
    static final int DEFAULT_LIMIT = 100;
    static final int MAX_LIMIT = 1_000;

    private static final int MAX_LISTS = 8;
    private static final Pattern PART_OF_NAME = Pattern.compile("[A-Za-z0-9._-]{0," + MemorySpaces.MAX_LENGTH + "}");

    private final Semaphore lists = new Semaphore(MAX_LISTS);
    private final LocalStores stores;
    private final RequestRouter router;
    private final Concurrency concurrency;
    private final Answers answers;
    private final int partitions;

    /** @param partitions of a lane */
    SpaceRoutes(LocalStores stores, RequestRouter router, Concurrency concurrency, Answers answers, int partitions) {
        this.stores = stores;
        this.router = router;
        this.concurrency = concurrency;
        this.answers = answers;
        this.partitions = partitions;
    }

    void register(RoutesConfig routes) {
        routes.get("/v1/spaces", concurrency.limit(this::spaces, "prefix", "after", "limit"));
    }

    /** What a client asks for. */
    private record Asked(String prefix, Optional<String> after, int limit) {
        static Asked of(Context context) {
            String prefix = partOfName(context, "prefix").orElse("");
            Optional<String> after = partOfName(context, "after").filter(name -> !name.isEmpty());
            long limit = Query.one(context, "limit")
                    .map(text -> Query.number("limit", text))
                    .orElse((long) DEFAULT_LIMIT);
            if (limit < 1 || limit > MAX_LIMIT) {
                throw Problem.badRequest("limit must be 1 to " + MAX_LIMIT + ", got " + limit)
                        .asException();
            }
            return new Asked(prefix, after, (int) limit);
        }

        private static Optional<String> partOfName(Context context, String parameter) {
            Optional<String> given = Query.one(context, parameter);
            if (given.isPresent() && !PART_OF_NAME.matcher(given.get()).matches()) {
                throw Problem.badRequest(parameter + " must be at most " + MemorySpaces.MAX_LENGTH
                                + " characters of [A-Za-z0-9._-], got '" + JsonBody.clip(given.get()) + "'")
                        .asException();
            }
            return given;
        }

        /** The same for another instance; nothing in it needs to be escaped. */
        String path() {
            return "/v1/spaces?limit=" + limit + "&prefix=" + prefix
                    + after.map(name -> "&after=" + name).orElse("");
        }
    }

    /** Pages are held as trees: few are made at once. */
    private void spaces(Context context) throws InterruptedException {
        Asked asked = Asked.of(context);
        if (!lists.tryAcquire()) {
            throw Problem.of(429, "Too Many Requests", MAX_LISTS + " lists of spaces are being made already")
                    .asException();
        }
        try {
            list(context, asked);
        } finally {
            lists.release();
        }
    }

    private void list(Context context, Asked asked) throws InterruptedException {
        Set<Integer> served = new TreeSet<>();
        List<SpacesPage<JsonNode>> parts = new ArrayList<>();
        parts.add(here(asked, served));
        if (!router.isHop(context)) {
            for (ObjectNode answer : router.askOthers(asked.path())) {
                answer.path("partitions").forEach(partition -> served.add(partition.asInt()));
                parts.add(there(answer));
            }
        }
        if (served.isEmpty()) {
            throw new UnavailableException("no partition is served right now");
        }
        SpacesPage<JsonNode> page = SpacesPage.merge(parts, asked.limit(), SpaceRoutes::better);
        ObjectNode answer = JsonBody.MAPPER.createObjectNode();
        answer.putArray("spaces").addAll(page.spaces().values());
        page.next().ifPresent(next -> answer.put("next", next));
        ArrayNode numbers = answer.putArray("partitions");
        served.forEach(numbers::add);
        answer.put("partial", served.size() < partitions);
        answers.json(context, 200, answer);
    }

    /** An active copy knows more than a standby. */
    private static JsonNode better(JsonNode a, JsonNode b) {
        return a.path("role").asText().equals(MemoryView.Role.ACTIVE.label()) ? a : b;
    }

    private static SpacesPage<JsonNode> there(ObjectNode answer) {
        SortedMap<String, JsonNode> spaces = new TreeMap<>();
        answer.path("spaces").forEach(space -> spaces.put(space.path("space").asText(), space));
        return new SpacesPage<>(spaces, Optional.ofNullable(answer.path("next").textValue()));
    }

    /** A space as a partition here knows it. */
    private record Listed(String space, long count, int dimension, long generation, int partition, String role) {
        JsonNode json() {
            return JsonBody.MAPPER
                    .createObjectNode()
                    .put("space", space)
                    .put("count", count)
                    .put("dimension", dimension)
                    .put("generation", generation)
                    .put("partition", partition)
                    .put("role", role);
        }
    }

    private SpacesPage<JsonNode> here(Asked asked, Set<Integer> served) {
        Set<Integer> asking = new ConcurrentSkipListSet<>();
        List<SpacesPage<Listed>> parts = new ArrayList<>(stores.askEach(view -> {
                    if (view.role() == MemoryView.Role.LOADING) {
                        return new SpacesPage<Listed>(new TreeMap<>(), Optional.empty());
                    }
                    SpacesPage<Listed> page = of(view, asked);
                    asking.add(view.partition());
                    return page;
                })
                .values());
        served.addAll(asking);
        SpacesPage<Listed> merged = SpacesPage.merge(parts, asked.limit(), (a, b) -> a);
        SortedMap<String, JsonNode> spaces = new TreeMap<>();
        merged.spaces().forEach((space, listed) -> spaces.put(space, listed.json()));
        return new SpacesPage<>(spaces, merged.next());
    }

    private static SpacesPage<Listed> of(MemoryView view, Asked asked) {
        MemoryView.SpacesPage page = view.spaces(asked.prefix(), asked.after(), asked.limit());
        SortedMap<String, Listed> spaces = new TreeMap<>();
        String role = view.role().label();
        page.spaces()
                .forEach(known -> spaces.put(
                        known.space(),
                        new Listed(
                                known.space(),
                                view.size(known.space()).memories(),
                                known.record().dimension(),
                                view.index().newestGeneration(),
                                view.partition(),
                                role)));
        return new SpacesPage<>(spaces, page.next());
    }
}
