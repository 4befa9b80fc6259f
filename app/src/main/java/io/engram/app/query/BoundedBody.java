package io.engram.app.query;

import java.io.ByteArrayOutputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.function.LongPredicate;

/** The bytes of an answer, as long as there is room for them. Used once. */
final class BoundedBody implements HttpResponse.BodySubscriber<byte[]> {
    private final LongPredicate room;
    private final CompletableFuture<byte[]> body = new CompletableFuture<>();
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private volatile Flow.Subscription source = new Flow.Subscription() {
        @Override
        public void request(long n) {
            // Nothing is subscribed to yet.
        }

        @Override
        public void cancel() {
            // Nothing is subscribed to yet.
        }
    };

    /** @param room is asked for so many bytes more */
    BoundedBody(LongPredicate room) {
        this.room = room;
    }

    @Override
    public CompletionStage<byte[]> getBody() {
        return body;
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        source = subscription;
        subscription.request(Long.MAX_VALUE);
    }

    @Override
    public void onNext(List<ByteBuffer> more) {
        for (ByteBuffer next : more) {
            if (body.isDone()) {
                return;
            }
            if (!room.test(next.remaining())) {
                source.cancel();
                body.completeExceptionally(new Peers.NoRoomException());
                return;
            }
            byte[] copy = new byte[next.remaining()];
            next.get(copy);
            bytes.writeBytes(copy);
        }
    }

    @Override
    public void onError(Throwable failure) {
        body.completeExceptionally(failure);
    }

    @Override
    public void onComplete() {
        body.complete(bytes.toByteArray());
    }
}
