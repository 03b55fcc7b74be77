using System.CommandLine;
using Orleans.DOS.Checks;

namespace Orleans.DOS.Cli.Files;

/// <summary>Checks the catalog against itself and against the disks of all nodes, while they work; a finding is printed when it is found.</summary>
internal static class CheckCommand
{
    private static readonly Option<bool> Deep = new("--deep") { Description = "Read every byte of every replica, at the pace of repair" };
    private static readonly Option<bool> Mend = new("--mend") { Description = "Mend what can be mended without losing anything" };

    public static Command Create() => Session.On(
        new Command("check", "Check names, files and their replicas on all disks; exit code 1: something is left to be mended") { Deep, Mend }, CheckAsync);

    private static async Task<int> CheckAsync(Session session, CancellationToken cancellation)
    {
        var options = new CheckOptions { Deep = session.Get(Deep), Mend = session.Get(Mend) };
        var (sums, found, left) = (new CheckStep(), 0L, 0L);
        string? after = null;
        do
        {
            var step = await session.Machine.Files.CheckAsync(options, after, cancellation);
            foreach (var finding in step.Findings)
            {
                Print(session, finding);
                found++;
                left += finding.Mend is MendState.Done or MendState.Started ? 0 : 1;
            }
            sums = Sum(sums, step);
            after = step.Next;
        }
        while (after is not null);
        PrintSums(session, sums, found, left);
        return left == 0 ? 0 : ExitCodes.Failed;
    }

    private static CheckStep Sum(CheckStep sums, CheckStep step) => new()
    {
        Names = sums.Names + step.Names, Inodes = sums.Inodes + step.Inodes, Extents = sums.Extents + step.Extents,
        Segments = sums.Segments + step.Segments, Replicas = sums.Replicas + step.Replicas, BytesRead = sums.BytesRead + step.BytesRead,
    };

    private static void Print(Session session, Finding finding)
    {
        if (session.Json)
        {
            Printer.Json(new
            {
                finding = finding.Kind, mend = finding.Mend, segment = finding.Segment, node = finding.Node?.Value, path = finding.Path, bytes = finding.Bytes, text = finding.Text,
            });
            return;
        }
        var mend = finding.Mend switch
        {
            MendState.Done => "mended",
            MendState.Started => "being mended",
            MendState.NotPossible => "not mended",
            _ => "found",
        };
        Console.Out.WriteLine($"{mend}: {finding.Kind}: {(finding.Path is null ? "" : finding.Path + ": ")}{finding.Text}");
    }

    private static void PrintSums(Session session, CheckStep sums, long found, long left)
    {
        if (session.Json)
        {
            Printer.Json(new
            {
                names = sums.Names, inodes = sums.Inodes, extents = sums.Extents, segments = sums.Segments, replicas = sums.Replicas, bytesRead = sums.BytesRead, findings = found, left,
            });
            return;
        }
        var read = sums.BytesRead > 0 ? $", {Human.Bytes(sums.BytesRead)} read" : "";
        Console.Out.WriteLine($"{sums.Names} names, {sums.Inodes} inodes, {sums.Extents} extents, {sums.Segments} segments with {sums.Replicas} replicas{read}: "
            + (found == 0 ? "nothing found" : left == 0 ? $"{found} found, all mended" : $"{found} found, {left} left"));
    }
}
