using System.CommandLine;
using System.Diagnostics;

namespace Orleans.DOS.Cli.Cluster;

internal static class DownCommand
{
    private static readonly TimeSpan EndMax = TimeSpan.FromSeconds(20);

    public static Command Create() => Session.On(new Command("down", "Stop the nodes that 'dos up' keeps"), async (session, cancellation) =>
    {
        if (SupervisorProcess.Find(session.Data) is not { } pid)
        {
            throw new DosException(DosErrorCode.Unavailable, $"no 'dos up' keeps {session.Data.Path}");
        }
        HostProcess.Terminate(pid);
        var began = Stopwatch.GetTimestamp();
        while (SupervisorProcess.Find(session.Data) is not null)
        {
            if (Stopwatch.GetElapsedTime(began) > EndMax)
            {
                throw new DosException(DosErrorCode.OutcomeUnknown, $"process {pid} has not ended after {EndMax.TotalSeconds:0} s");
            }
            await Task.Delay(100, cancellation);
        }
    });
}
