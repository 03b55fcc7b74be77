using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.DOS.Jobs;
using Orleans.DOS.Processes;
using Orleans.DOS.Security;

namespace Orleans.DOS.Grains.Tests.Processes;

/// <summary>A program host with real worker processes, without a node around it.</summary>
public sealed class ProgramHostFixture : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("dos-host-").FullName;
    private long _lastPid = 100;

    public ProgramHostFixture(Func<ProgramHostOptions, ProgramHostOptions>? change = null)
    {
        var options = new ProgramHostOptions
        {
            WorkerPath = Path.Combine(AppContext.BaseDirectory, "worker", "Orleans.DOS.Worker.dll"),
            OutputDirectory = Path.Combine(_directory, "output"),
            WorkersMax = 1,
        };
        Host = new ProgramHost(
            change?.Invoke(options) ?? options, new WorkerEndpoint(Path.Combine(_directory, "api.sock"), Path.Combine(_directory, "run")),
            Credentials, TimeProvider.System, NullLogger<ProgramHost>.Instance);
    }

    public ProgramHost Host { get; }
    internal StagedCredentials Credentials { get; } = new();
    public string ScratchDirectory => Path.Combine(_directory, "run", "scratch");
    public string OutputDirectory => Path.Combine(_directory, "output");

    public async Task<ProcessId> StartAsync(ProcessSpec spec)
    {
        var pid = new ProcessId(Interlocked.Increment(ref _lastPid));
        await Host.StartAsync(Start(pid, spec));
        return pid;
    }

    public static ProcessStart Start(ProcessId pid, ProcessSpec spec) => new()
    {
        Machine = MachineId.Main, MachineName = "main", Pid = pid, Incarnation = 1, Spec = spec, Principal = Principal.Admin,
    };

    public async Task<ProcessExit> ExitAsync(ProcessId pid)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            patience.Token.ThrowIfCancellationRequested();
            if (await Host.WaitExitAsync(pid, 1, wait: true) is { } exit)
            {
                return exit;
            }
        }
    }

    public async Task<string> OutputAsync(ProcessId pid, OutputStream stream = OutputStream.StandardOutput)
    {
        var text = new StringBuilder();
        var position = 0L;
        while (true)
        {
            var chunk = await Host.ReadOutputAsync(pid, 1, stream, position, wait: true);
            text.Append(Encoding.UTF8.GetString(chunk.Data));
            position = chunk.Position + chunk.Data.Length;
            if (chunk.End)
            {
                return text.ToString();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Host.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    internal sealed class StagedCredentials : IProcessCredentials
    {
        /// <summary>What happens between a program's place in the table and its start.</summary>
        public Action Issuing { get; set; } = static () => { };

        public string Issue(MachineId machine, ProcessId pid, long incarnation, Principal principal)
        {
            Issuing();
            return "token";
        }

        public string IssueTask(MachineId machine, JobId job, long coordinatorEpoch, Principal principal) => "token";
    }
}
