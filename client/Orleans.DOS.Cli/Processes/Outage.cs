using System.Diagnostics;

namespace Orleans.DOS.Cli.Processes;

/// <summary>
/// Lets what is attached to a process outlast a catalog or nodes that are away for longer than one call may take. Only for calls that
/// may be repeated without harm.
/// </summary>
internal sealed class Outage
{
    /// <summary>As long as the SDK's own waits bear it.</summary>
    private static readonly TimeSpan Max = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private long? _since;

    public void Over() => _since = null;

    public bool Bears(DosException failure) =>
        failure.Code is DosErrorCode.Unavailable or DosErrorCode.OutcomeUnknown && Stopwatch.GetElapsedTime(_since ??= Stopwatch.GetTimestamp()) < Max;

    public Task PauseAsync(CancellationToken cancellation) => Task.Delay(Pause, cancellation);

    /// <summary>Makes one call again and again while nobody answers.</summary>
    public static async Task BearAsync(Func<Task> call, CancellationToken cancellation)
    {
        var outage = new Outage();
        while (true)
        {
            try
            {
                await call();
                return;
            }
            catch (DosException away) when (outage.Bears(away))
            {
                await outage.PauseAsync(cancellation);
            }
        }
    }
}
