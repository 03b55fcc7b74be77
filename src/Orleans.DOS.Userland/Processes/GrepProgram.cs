using System.Text;
using System.Text.RegularExpressions;

namespace Orleans.DOS.Processes;

/// <summary>
/// <c>grep [-cFhilnqv] PATTERN [PATH...]</c>: lines in which a regular expression (of .NET, without backtracking; -F: a plain text)
/// is found. Code 0: some line was; 1: none; 2: an error.
/// </summary>
[Program("grep", Summary = "finds lines")]
public sealed class GrepProgram : IProgram
{
    private const string Usage = "grep [-cFhilnqv] PATTERN [PATH...]";

    public async Task<int> RunAsync(IProgramContext context)
    {
        if (ProgramInputs.Options(context.Arguments, "cFhilnqv") is not { Operands.Count: > 0 } parsed)
        {
            return await context.UsageAsync(Usage);
        }
        var (options, paths) = (parsed.Options, parsed.Operands[1..]);
        Regex pattern;
        try
        {
            // Linear time: a hostile pattern must not hang a worker.
            pattern = new Regex(
                options.Contains('F') ? Regex.Escape(parsed.Operands[0]) : parsed.Operands[0],
                RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (options.Contains('i') ? RegexOptions.IgnoreCase : RegexOptions.None));
        }
        catch (Exception failure) when (failure is ArgumentException or NotSupportedException)
        {
            return await context.UsageAsync(Usage, failure.Message);
        }
        var named = paths.Count > 1 && !options.Contains('h');
        var found = 0L;
        await using var output = new BufferedStream(context.StandardOutput, ProgramInputs.BufferBytes);
        var allRead = await context.ForEachInputAsync("grep", paths, async (name, input) =>
            found += await SearchAsync(context, pattern, options, named ? name + ":" : "", name, input, output));
        return !allRead ? ProgramInputs.UsageCode : found > 0 ? 0 : 1;
    }

    private static async Task<long> SearchAsync(
        IProgramContext context, Regex pattern, HashSet<char> options, string prefix, string name, Stream input, Stream output)
    {
        var lines = new LineReader(input);
        var (number, found) = (0L, 0L);
        while (await lines.ReadAsync(context.Terminating) is { } line)
        {
            number++;
            if (pattern.IsMatch(Encoding.UTF8.GetString(line.Span)) == options.Contains('v'))
            {
                continue;
            }
            found++;
            if (options.Contains('q') || options.Contains('l'))
            {
                break;
            }
            if (!options.Contains('c'))
            {
                output.Write(Encoding.UTF8.GetBytes(options.Contains('n') ? $"{prefix}{number}:" : prefix));
                output.Write(line.Span);
                output.WriteByte((byte)'\n');
            }
        }
        if (options.Contains('q'))
        {
            return found;
        }
        if (options.Contains('l') && found > 0)
        {
            output.Write(Encoding.UTF8.GetBytes($"{name}\n"));
        }
        else if (options.Contains('c'))
        {
            output.Write(Encoding.UTF8.GetBytes($"{prefix}{found}\n"));
        }
        return found;
    }
}
