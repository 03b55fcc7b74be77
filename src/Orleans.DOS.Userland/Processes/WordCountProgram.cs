using System.Buffers;
using System.Text;
using Orleans.DOS.Jobs;

namespace Orleans.DOS.Processes;

/// <summary>
/// <c>wordcount [PATH...]</c>: "word TAB count" for each word, in byte order of the words: the same Map and Write as the job
/// <c>wordcount</c>, in one process. Memory grows with the number of different words, up to <see cref="WordsMax"/>.
/// </summary>
[Program("wordcount", Summary = "counts words")]
public sealed class WordCountProgram : IProgram
{
    public const int WordsMax = 4_000_000;

    public async Task<int> RunAsync(IProgramContext context)
    {
        if (ProgramInputs.Options(context.Arguments, "") is not { } parsed)
        {
            return await context.UsageAsync("wordcount [PATH...]");
        }
        var job = new WordCountJob();
        var counts = new WordCounts();
        var allRead = await context.ForEachInputAsync("wordcount", parsed.Operands, async (_, input) =>
        {
            var lines = new LineReader(input);
            while (await lines.ReadAsync(context.Terminating) is { } line)
            {
                job.Map(line.Span, counts);
            }
        });
        await using var output = new BufferedStream(context.StandardOutput, ProgramInputs.BufferBytes);
        var text = new ArrayBufferWriter<byte>();
        var value = new byte[8];
        foreach (var (word, count) in counts.InOrder())
        {
            text.ResetWrittenCount();
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(value, count);
            job.Write(word, value, text);
            output.Write(text.WrittenSpan);
        }
        return allRead ? 0 : 1;
    }

    private sealed class WordCounts : IEmitter
    {
        // Latin-1 maps bytes to characters one to one, so that ordinal order is byte order.
        private readonly Dictionary<string, long> _counts = new(StringComparer.Ordinal);
        private readonly Dictionary<string, long>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
        private char[] _characters = new char[256];

        public WordCounts() => _bySpan = _counts.GetAlternateLookup<ReadOnlySpan<char>>();

        public void Emit(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Add(key, System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(value));

        public void Add(ReadOnlySpan<byte> key, long delta)
        {
            if (_characters.Length < key.Length)
            {
                _characters = new char[key.Length * 2];
            }
            var word = _characters.AsSpan(0, Encoding.Latin1.GetChars(key, _characters));
            System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_bySpan, word, out _) += delta;
            if (_counts.Count > WordsMax)
            {
                throw new DosException(DosErrorCode.LimitExceeded, $"more than {WordsMax} different words in one process; use the job 'wordcount'");
            }
        }

        public IEnumerable<(byte[] Word, long Count)> InOrder() =>
            _counts.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => (Encoding.Latin1.GetBytes(pair.Key), pair.Value));
    }
}
