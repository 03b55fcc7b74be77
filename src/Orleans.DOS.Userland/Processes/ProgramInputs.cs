using System.Text;
using Orleans.DOS.Files;

namespace Orleans.DOS.Processes;

/// <summary>What the programs that read files or standard input have in common.</summary>
internal static class ProgramInputs
{
    /// <summary>Bytes read at once.</summary>
    public const int BufferBytes = 64 * 1024;

    /// <summary>Exit code of a wrong command line, as with GNU's grep and sort.</summary>
    public const int UsageCode = 2;

    public static async Task<int> UsageAsync(this IProgramContext context, string usage, string? problem = null)
    {
        var text = (problem is null ? "" : $"{usage.Split(' ')[0]}: {problem}\n") + $"usage: {usage}\n";
        await context.StandardError.WriteAsync(Encoding.UTF8.GetBytes(text));
        return UsageCode;
    }

    public static async Task ComplainAsync(this IProgramContext context, string program, string path, DosException failure) =>
        await context.StandardError.WriteAsync(Encoding.UTF8.GetBytes($"{program}: {path}: {failure.Message} ({failure.Code})\n"));

    /// <summary>Relative paths begin at the working directory.</summary>
    public static string Resolve(this IProgramContext context, string path) =>
        path.StartsWith('/') ? path : context.WorkingDirectory.TrimEnd('/') + "/" + path;

    /// <summary>Hands each input to <paramref name="read"/>, standard input for <c>-</c> and where no path is given; a path that cannot be read is complained of and the others go on.</summary>
    /// <returns>Whether every input could be read.</returns>
    public static async Task<bool> ForEachInputAsync(this IProgramContext context, string program, IReadOnlyList<string> paths, Func<string, Stream, Task> read)
    {
        var allRead = true;
        foreach (var path in paths.DefaultIfEmpty("-"))
        {
            try
            {
                if (path == "-")
                {
                    await read("-", context.StandardInput);
                    continue;
                }
                await using var content = await context.Machine.Files.OpenReadAsync(context.Resolve(path), context.Terminating);
                await read(path, content);
            }
            catch (DosException failure)
            {
                await context.ComplainAsync(program, path, failure);
                allRead = false;
            }
        }
        return allRead;
    }

    /// <summary>Splits off the arguments that begin with '-' (letters may be joined: -in); <c>--</c> ends them, <c>-</c> is a path.</summary>
    /// <returns>Null when one is not in <paramref name="known"/>.</returns>
    public static (HashSet<char> Options, List<string> Operands)? Options(IReadOnlyList<string> arguments, string known)
    {
        var options = new HashSet<char>();
        var rest = new List<string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == "--")
            {
                rest.AddRange(arguments.Skip(i + 1));
                break;
            }
            if (arguments[i].Length < 2 || arguments[i][0] != '-')
            {
                rest.Add(arguments[i]);
                continue;
            }
            foreach (var letter in arguments[i].AsSpan(1))
            {
                if (!known.Contains(letter))
                {
                    return null;
                }
                options.Add(letter);
            }
        }
        return (options, rest);
    }
}
