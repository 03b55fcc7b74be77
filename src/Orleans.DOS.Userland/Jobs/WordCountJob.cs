using System.Buffers;
using System.Buffers.Text;
using Orleans.DOS.Processes;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Counts words over many files. A word is a maximal run of ASCII letters, ASCII digits and bytes of 0x80 and above (so that words in
/// UTF-8 stay whole); ASCII letters are made lower-case. The result has one line "word TAB count" for each word.
/// </summary>
[Program("wordcount", Summary = "counts words")]
public sealed class WordCountJob : IJobProgram
{
    /// <summary>For each byte what it becomes in a word; 0 when it is not part of one.</summary>
    private static readonly byte[] LetterOf = MakeLetters();
    private byte[] _word = new byte[4096];

    public JobPartitioning Partitioning => JobPartitioning.Hash;
    public bool CanCombine => true;

    public void Map(ReadOnlySpan<byte> record, IEmitter emitter)
    {
        if (_word.Length < record.Length)
        {
            _word = new byte[record.Length * 2];
        }
        var word = _word.AsSpan();
        ReadOnlySpan<byte> letterOf = LetterOf;
        var length = 0;
        foreach (var b in record)
        {
            var letter = letterOf[b];
            if (letter != 0)
            {
                word[length++] = letter;
            }
            else if (length > 0)
            {
                emitter.Add(word[..length], 1);
                length = 0;
            }
        }
        if (length > 0)
        {
            emitter.Add(word[..length], 1);
        }
    }

    public void Reduce(ReadOnlySpan<byte> key, IReadOnlyList<ReadOnlyMemory<byte>> values, IEmitter emitter) => emitter.Add(key, Sums.Of(values));

    public void Write(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, IBufferWriter<byte> output)
    {
        output.Write(key);
        var rest = output.GetSpan(24);
        rest[0] = (byte)'\t';
        Utf8Formatter.TryFormat(Sums.Read(value), rest[1..], out var digits);
        rest[1 + digits] = (byte)'\n';
        output.Advance(digits + 2);
    }

    private static byte[] MakeLetters()
    {
        var letters = new byte[256];
        for (var b = 0; b < 256; b++)
        {
            var isWord = b >= 0x80 || char.IsAsciiLetterOrDigit((char)b);
            letters[b] = !isWord ? (byte)0 : b < 0x80 ? (byte)char.ToLowerInvariant((char)b) : (byte)b;
        }
        return letters;
    }
}
