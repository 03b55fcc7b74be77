using System.CommandLine;
using Orleans.DOS.Files;

namespace Orleans.DOS.Cli.Files;

/// <summary>The file tree of the machine; reads and writes of content stand in <see cref="Content"/>.</summary>
internal static class FsCommand
{
    private static readonly Argument<string> One = new("PATH");
    private static readonly Argument<string[]> Some = new("PATH") { Arity = ArgumentArity.OneOrMore };
    private static readonly Argument<string> Listed = new("PATH") { DefaultValueFactory = _ => "/" };
    private static readonly Argument<string> From = new("FROM");
    private static readonly Argument<string> To = new("TO");
    private static readonly Option<bool> Parents = new("--parents", "-p") { Description = "Also make what is missing above" };
    private static readonly Option<bool> Recursive = new("--recursive", "-r") { Description = "Also what is under a directory" };
    private static readonly Option<bool> Symbolic = new("--symbolic", "-s") { Description = "A symbolic link" };
    private static readonly Option<int> Replicas = new("--replicas") { Description = "Copies of the content; 0: the cluster's default" };

    public static Command Create() => new("fs", "Files and directories")
    {
        Session.On(new Command("ls", "List a directory") { Listed }, ListAsync),
        Session.On(new Command("cat", "Write files to standard output, one after the other") { Some }, CatAsync),
        Session.On(new Command("put", "Store a local file; '-' is standard input") { From, To, Replicas }, PutAsync),
        Session.On(new Command("get", "Fetch a file; '-' is standard output") { From, To }, GetAsync),
        Session.On(new Command("mkdir", "Make directories") { Some, Parents }, (session, cancellation) => EachAsync(session, path =>
            session.Machine.Files.MakeDirectoryAsync(path, session.Get(Parents), cancellationToken: cancellation))),
        Session.On(new Command("mv", "Move or rename, replacing what is there") { From, To }, (session, cancellation) =>
            session.Machine.Files.RenameAsync(session.Get(From), session.Get(To), cancellation)),
        Session.On(new Command("rm", "Remove") { Some, Recursive }, (session, cancellation) => EachAsync(session, path =>
            session.Machine.Files.RemoveAsync(path, session.Get(Recursive), cancellation))),
        Session.On(new Command("ln", "Make a link TO that leads to FROM") { From, To, Symbolic }, (session, cancellation) => session.Get(Symbolic)
            ? session.Machine.Files.MakeSymbolicLinkAsync(session.Get(From), session.Get(To), cancellation)
            : session.Machine.Files.MakeLinkAsync(session.Get(From), session.Get(To), cancellation)),
        Session.On(new Command("stat", "Show what is known of a path") { One }, async (session, cancellation) =>
            Print(session, [await session.Machine.Files.StatAsync(session.Get(One), followLinks: false, cancellation)])),
        CheckCommand.Create(),
    };

    private static async Task CatAsync(Session session, CancellationToken cancellation)
    {
        await using var target = StandardOutput.Open();
        await EachAsync(session, path => Content.ReadAsync(session.Machine.Files, path, target, cancellation));
    }

    /// <summary>In order, and none behind one that fails.</summary>
    private static async Task EachAsync(Session session, Func<string, Task> act)
    {
        foreach (var path in session.Get(Some))
        {
            await act(path);
        }
    }

    private static Task ListAsync(Session session, CancellationToken cancellation) => Printer.PagesAsync(
        session, after => session.Machine.Files.ListAsync(session.Get(Listed), after, cancellationToken: cancellation), found => Print(session, found));

    private static async Task PutAsync(Session session, CancellationToken cancellation)
    {
        var from = session.Get(From);
        await using var source = from == "-" ? Console.OpenStandardInput() : File.OpenRead(from);
        await Content.WriteAsync(session.Machine.Files, session.Get(To), source, session.Get(Replicas), null, cancellation);
    }

    private static async Task GetAsync(Session session, CancellationToken cancellation)
    {
        // Asked before the local file is made: what does not exist must not leave an empty file.
        var stat = await session.Machine.Files.StatAsync(session.Get(From), cancellationToken: cancellation);
        if (stat.Kind == InodeKind.Directory)
        {
            throw new DosException(DosErrorCode.IsADirectory, $"{session.Get(From)} is a directory");
        }
        await using var target = session.Get(To) == "-" ? StandardOutput.Open() : File.Create(session.Get(To));
        await Content.ReadAsync(session.Machine.Files, session.Get(From), target, cancellation);
    }

    /// <summary>What shows the system's state has no time at which it was last changed: null.</summary>
    private static DateTimeOffset? Known(DateTimeOffset modified) => modified > DateTimeOffset.UnixEpoch ? modified : null;

    private static void Print(Session session, IEnumerable<FileStat> files) => Printer.Rows(
        session, files,
        f => new
        {
            inode = f.Inode.Value, name = f.Name, kind = f.Kind, size = f.Size, mode = f.Mode, uid = f.UserId, gid = f.GroupId, links = f.Links,
            modified = Known(f.Modified), replicas = f.Replicas, target = f.Target,
        },
        ["MODE", "LINKS", "SIZE", "MODIFIED", "NAME"],
        f =>
        [
            (f.Kind switch { InodeKind.Directory => "d", InodeKind.SymbolicLink => "l", _ => "-" }) + Human.Mode(f.Mode), f.Links.ToString(),
            f.Kind == InodeKind.Directory ? "-" : Human.Bytes(f.Size), Known(f.Modified)?.ToString("yyyy-MM-dd HH:mm:ss") ?? "-",
            f.Name + (f.Kind == InodeKind.Directory ? "/" : "") + (f.Target is null ? "" : " -> " + f.Target),
        ]);
}
