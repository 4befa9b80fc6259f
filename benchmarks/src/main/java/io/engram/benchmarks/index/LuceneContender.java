package io.engram.benchmarks.index;

import io.engram.index.HnswParameters;
import java.io.IOException;
import org.apache.lucene.codecs.KnnVectorsFormat;
import org.apache.lucene.codecs.lucene912.Lucene912Codec;
import org.apache.lucene.codecs.lucene99.Lucene99HnswVectorsFormat;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.KnnFloatVectorField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.NoMergePolicy;
import org.apache.lucene.index.VectorSimilarityFunction;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.KnnFloatVectorQuery;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.store.ByteBuffersDirectory;

/** Lucene's HNSW in one segment in memory: the graph grows with each document, the segment is written before searches. */
final class LuceneContender implements Contender {
    private static final String FIELD = "vector";
    private static final double BUFFER_MB = 1_900;

    private final ByteBuffersDirectory directory = new ByteBuffersDirectory();
    private final IndexWriter writer;
    private DirectoryReader reader;
    private IndexSearcher searcher;

    LuceneContender(HnswParameters parameters) throws IOException {
        IndexWriterConfig config = new IndexWriterConfig();
        config.setRAMBufferSizeMB(BUFFER_MB);
        config.setMergePolicy(NoMergePolicy.INSTANCE);
        config.setUseCompoundFile(false);
        config.setCodec(new Lucene912Codec() {
            @Override
            public KnnVectorsFormat getKnnVectorsFormatForField(String field) {
                return new Lucene99HnswVectorsFormat(parameters.m(), parameters.efConstruction());
            }
        });
        writer = new IndexWriter(directory, config);
    }

    @Override
    public String name() {
        return "Lucene " + org.apache.lucene.util.Version.LATEST;
    }

    @Override
    public void add(int number, float[] vector) throws IOException {
        Document document = new Document();
        document.add(new KnnFloatVectorField(FIELD, vector, VectorSimilarityFunction.COSINE));
        writer.addDocument(document);
    }

    @Override
    public int[] search(float[] query, int k, int ef) throws IOException {
        if (searcher == null) {
            reader = DirectoryReader.open(writer);
            searcher = new IndexSearcher(reader);
        }
        ScoreDoc[] found = searcher.search(new KnnFloatVectorQuery(FIELD, query, Math.max(k, ef)), k).scoreDocs;
        int[] numbers = new int[found.length];
        for (int i = 0; i < found.length; i++) {
            numbers[i] = found[i].doc;
        }
        return numbers;
    }

    @Override
    public boolean searchesWhileInserting() {
        return false;
    }

    @Override
    public void close() throws IOException {
        if (reader != null) {
            reader.close();
        }
        writer.close();
        directory.close();
    }
}
