namespace Orleans.DOS.Processes;

/// <summary>
/// <c>sort [-ru] [PATH...]</c>: the lines of all inputs in byte order, up to <see cref="InputBytesMax"/> of input; more is the job
/// <c>sort</c>, which is not bounded by memory.
/// </summary>
[Program("sort", Summary = "sorts lines")]
public sealed class SortProgram : IProgram
{
    /// <summary>Bytes of input held in memory.</summary>
    public const long InputBytesMax = 256L * 1024 * 1024;

    /// <summary>What a line costs besides its bytes: array, reference, rounding.</summary>
    private const int LineOverheadBytes = 40;

    public async Task<int> RunAsync(IProgramContext context)
    {
        if (ProgramInputs.Options(context.Arguments, "ru") is not { } parsed)
        {
            return await context.UsageAsync("sort [-ru] [PATH...]");
        }
        var lines = new List<byte[]>();
        var held = 0L;
        var allRead = await context.ForEachInputAsync("sort", parsed.Operands, async (_, input) =>
        {
            var reader = new LineReader(input);
            while (await reader.ReadAsync(context.Terminating) is { } line)
            {
                held += line.Length + LineOverheadBytes;
                if (held > InputBytesMax)
                {
                    throw new DosException(DosErrorCode.LimitExceeded, $"more than {InputBytesMax} bytes to sort in one process; use the job 'sort'");
                }
                lines.Add(line.ToArray());
            }
        });
        if (!allRead)
        {
            return ProgramInputs.UsageCode;
        }
        var direction = parsed.Options.Contains('r') ? -1 : 1;
        lines.Sort((left, right) => direction * left.AsSpan().SequenceCompareTo(right));
        await using var output = new BufferedStream(context.StandardOutput, ProgramInputs.BufferBytes);
        byte[]? previous = null;
        foreach (var line in lines)
        {
            context.Terminating.ThrowIfCancellationRequested();
            if (!parsed.Options.Contains('u') || previous is null || !previous.AsSpan().SequenceEqual(line))
            {
                output.Write(line);
                output.WriteByte((byte)'\n');
            }
            previous = line;
        }
        return 0;
    }
}
