using System.Diagnostics;

namespace Orleans.DOS.Scenarios.Harness;

/// <summary>Runs one line in /bin/sh with <c>dos</c> in the path and the cluster in <c>$DOS_DATA</c>, as a user's terminal would.</summary>
public sealed class Shell(string directory, string data)
{
    /// <summary>Nothing in a session takes long; what does, hangs.</summary>
    private static readonly TimeSpan CommandMax = TimeSpan.FromSeconds(60);

    private int _commands;

    public sealed record Answer(IReadOnlyList<string> Lines, int ExitCode);

    /// <summary>Starts a program behind, and answers its pid.</summary>
    public async Task<string> StartAsync(string program, CancellationToken cancellation)
    {
        var answer = await RunAsync($"dos run -d {program}", cancellation);
        return answer is { ExitCode: 0, Lines: [var pid] } ? pid : throw new InvalidOperationException($"dos run -d {program} exits with {answer.ExitCode}: {string.Join('\n', answer.Lines)}");
    }

    public async Task<Answer> RunAsync(string command, CancellationToken cancellation, TimeSpan? limit = null)
    {
        // Through a file, since two pipes would lose the order of output and error; and a process left running would keep a pipe open.
        var output = Path.Combine(directory, $".output{Interlocked.Increment(ref _commands)}");
        var start = new ProcessStartInfo("/bin/sh", ["-c", $"exec >'{output}' 2>&1 </dev/null\n{command}"])
        {
            WorkingDirectory = directory,
            Environment =
            {
                ["PATH"] = Path.GetDirectoryName(Checkout.Dos) + ":" + Environment.GetEnvironmentVariable("PATH"),
                ["DOS_DATA"] = data,
                // Not the contexts and the default directory of whoever runs the tests.
                ["XDG_CONFIG_HOME"] = Path.Combine(directory, ".config"),
                ["XDG_DATA_HOME"] = Path.Combine(directory, ".share"),
                ["DOS_NODE"] = Checkout.Node,
            },
        };
        using var shell = Process.Start(start)!;
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(limit ?? CommandMax);
        try
        {
            await shell.WaitForExitAsync(timeout.Token);
        }
        catch (OperationCanceledException)
        {
            shell.Kill(entireProcessTree: true);
            throw new TimeoutException($"no end after {(limit ?? CommandMax).TotalSeconds:0} s: {command}\nso far:\n{await File.ReadAllTextAsync(output, CancellationToken.None)}");
        }
        var lines = (await File.ReadAllTextAsync(output, cancellation)).Split('\n');
        return new Answer(Session.WithoutBlankEnd(lines), shell.ExitCode);
    }
}
