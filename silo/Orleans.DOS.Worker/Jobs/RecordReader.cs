using System.Buffers;

namespace Orleans.DOS.Jobs;

/// <summary>
/// Cuts a file range into records. A record belongs to the range in which its first byte lies: so a range reads its last record to
/// its end, wherever that is, and passes over a record that began before it. Ranges that cover a file give each record exactly once.
/// </summary>
internal static class RecordReader
{
    private const byte LineFeed = (byte)'\n';

    /// <summary>The byte before the range says whether a record begins at its first byte.</summary>
    public static long FirstByteRead(TaskInput input) => Math.Max(0, input.Position - 1);

    /// <param name="source">Begins at <see cref="FirstByteRead"/>.</param>
    /// <returns>Records that were mapped.</returns>
    /// <exception cref="DosException">LimitExceeded: a record is longer than <see cref="Limits.RecordBytesMax"/>.</exception>
    public static long Run(IByteSource source, TaskInput input, IJobProgram program, IEmitter emitter)
    {
        var end = input.Position + input.Length;
        if (input.Length == 0)
        {
            return 0;
        }
        var at = FirstByteRead(input);
        var isPassingOver = input.Position > 0;
        var isInside = false;
        var begun = new ArrayBufferWriter<byte>();
        long records = 0;
        while (true)
        {
            var piece = source.Next().Span;
            if (piece.IsEmpty)
            {
                if (isInside)
                {
                    program.Map(begun.WrittenSpan, emitter);
                    records++;
                }
                return records;
            }
            var next = 0;
            if (isPassingOver)
            {
                var feed = piece.IndexOf(LineFeed);
                if (feed < 0 && at + piece.Length >= end)
                {
                    return records;
                }
                isPassingOver = feed < 0;
                next = feed < 0 ? piece.Length : feed + 1;
            }
            while (isInside || at + next < end)
            {
                var rest = piece[next..];
                var feed = rest.IndexOf(LineFeed);
                if (feed < 0)
                {
                    // An empty rest begins no record: the next piece tells whether there is one.
                    if (isInside || !rest.IsEmpty)
                    {
                        isInside = true;
                        Keep(begun, rest, input);
                    }
                    break;
                }
                if (isInside)
                {
                    Keep(begun, rest[..feed], input);
                    program.Map(begun.WrittenSpan, emitter);
                    begun.ResetWrittenCount();
                    isInside = false;
                }
                else
                {
                    program.Map(rest[..feed], emitter);
                }
                records++;
                next += feed + 1;
            }
            at += piece.Length;
            if (!isInside && at >= end)
            {
                return records;
            }
        }
    }

    private static void Keep(ArrayBufferWriter<byte> begun, ReadOnlySpan<byte> part, TaskInput input)
    {
        if (begun.WrittenCount + part.Length > Limits.RecordBytesMax)
        {
            throw new DosException(DosErrorCode.LimitExceeded, $"a line of {input.Path} is longer than {Limits.RecordBytesMax} bytes");
        }
        begun.Write(part);
    }
}
