using System.Diagnostics;
using Microsoft.Extensions.Hosting;

namespace Orleans.DOS.Node;

/// <summary>
/// A node that was asked to stop has ended within 10 s, whatever hangs: a host gives its services a time and then waits for those that take no
/// notice, such as membership, which goes on telling a database that does not answer. A node may end at any moment without loss, so it does.
/// </summary>
internal static class StopDeadline
{
    private static readonly TimeSpan EndedAfter = TimeSpan.FromSeconds(9.3);

    public static void Enforce(IHostApplicationLifetime lifetime) => lifetime.ApplicationStopping.Register(static () =>
        // A thread of its own: the pool may be what hangs.
        new Thread(static () =>
        {
            using var never = new ManualResetEvent(false);
            never.WaitOne(EndedAfter);
            Console.Error.WriteLine($"dos node: not stopped after {EndedAfter.TotalSeconds:0.0} s, ends as it is ({DosErrorCode.Unavailable})");
            using var self = Process.GetCurrentProcess();
            self.Kill();
        }) { IsBackground = true, Name = "stop deadline" }.Start());
}
