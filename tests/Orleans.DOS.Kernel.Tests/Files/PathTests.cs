using Xunit;

namespace Orleans.DOS.Files;

public class PathTests
{
    [Theory]
    [InlineData("", DosErrorCode.InvalidPath)]
    [InlineData("a", DosErrorCode.InvalidPath)]
    [InlineData("/a\0b", DosErrorCode.InvalidPath)]
    public void Parse_WhatIsNoPath_IsRefused(string text, DosErrorCode code) =>
        Assert.Equal(code, Assert.Throws<DosException>(() => DosPath.Parse(text)).Code);

    [Fact]
    public void Parse_HalfASurrogatePair_IsRefused()
    {
        // Not as data of a theory: attributes are stored as UTF-8, which has no such thing.
        Assert.Equal(DosErrorCode.InvalidPath, Assert.Throws<DosException>(() => DosPath.Parse("/\ud800")).Code);
        Assert.Equal(DosErrorCode.InvalidPath, Assert.Throws<DosException>(() => DosPath.Parse("/a\udc00b")).Code);
    }

    [Fact]
    public void Parse_CountsBytesNotCharacters()
    {
        Assert.Single(DosPath.Parse("/" + new string('ä', 127)).Names);
        Assert.Equal(DosErrorCode.NameTooLong, Assert.Throws<DosException>(() => DosPath.Parse("/" + new string('ä', 128))).Code);
        var long_ = string.Concat(Enumerable.Repeat("/" + new string('a', 255), 16));
        Assert.Equal(16, DosPath.Parse(long_).Names.Count);
        Assert.Equal(DosErrorCode.PathTooLong, Assert.Throws<DosException>(() => DosPath.Parse(long_ + "/")).Code);
        Assert.Equal(DosErrorCode.PathTooLong, Assert.Throws<DosException>(() => DosPath.Parse(string.Concat(Enumerable.Repeat("/a", 513)))).Code);
    }

    [Fact]
    public void Parse_EmptyAndDotNames_ArePassedOver()
    {
        var path = DosPath.Parse("//a/./b//../c/");
        Assert.Equal(["a", "b", "..", "c"], path.Names);
        Assert.True(path.MustBeDirectory);
        Assert.Equal("😀", Assert.Single(DosPath.Parse("/😀").Names));
    }

    [Theory]
    [InlineData("/", "root")]
    [InlineData("/a/b/f", "f")]
    [InlineData("/a/../a/./b/", "b")]
    [InlineData("/../..", "root")]
    [InlineData("/a/up/f2", "f2")]
    [InlineData("/a/abs", "b")]
    [InlineData("/a/abs/../f0", "f0")]
    [InlineData("/a/b/link", "f")]
    public void Walk_FollowsLinksAndParents(string path, string expected) => Assert.Equal(expected, Tree.NameOf(Tree.Walk(path).Node));

    [Fact]
    public void Walk_LastLinkUnfollowed_IsTheLinkItself() => Assert.Equal("link", Tree.NameOf(Tree.Walk("/a/b/link", follow: false).Node));

    [Fact]
    public void Walk_LastLinkBeforeASlash_IsFollowedAnyway() => Assert.Equal("b", Tree.NameOf(Tree.Walk("/a/abs/", follow: false).Node));

    [Theory]
    [InlineData("/a/b/f/x", DosErrorCode.NotADirectory)]
    [InlineData("/a/b/f/", DosErrorCode.NotADirectory)]
    [InlineData("/a/loop", DosErrorCode.TooManyLinks)]
    public void Walk_ThatCannotGoOn_SaysWhy(string path, DosErrorCode code) =>
        Assert.Equal(code, Assert.Throws<DosException>(() => Tree.Walk(path)).Code);

    [Fact]
    public void Walk_Missing_SaysWhereAndWhatIsBehind()
    {
        var end = Tree.Walk("/a/b/none/x/y");
        Assert.Null(end.Node);
        Assert.Equal("none", end.Name);
        Assert.Equal("b", Tree.NameOf(new WalkNode(end.Parent, InodeKind.Directory)));
        Assert.Equal(["x", "y"], end.Behind);
    }

    [Fact]
    public void Walk_VirtualRoot_IsLexicalBelowAndLeftByDotDot()
    {
        Assert.Equal(["proc", "2"], Tree.Walk("/proc/1/../2").Virtual);
        Assert.Equal(["proc", "7"], Tree.Walk("/a/toproc/7").Virtual);
        Assert.Equal("a", Tree.NameOf(Tree.Walk("/proc/../a").Node));
        Assert.Equal(DosErrorCode.NoSuchPath, Tree.Walk("/a/proc") is { Node: null } ? DosErrorCode.NoSuchPath : default);
    }

    [Fact]
    public void Requests_Repeated_AreAnsweredFromTheWindow_AlsoAfterStoring()
    {
        var window = new RequestWindow(3);
        for (var number = 1; number <= 5; number++)
        {
            window.Add(new RequestId(9, number), number * 10, number * 100);
        }
        Assert.False(window.TryFind(new RequestId(9, 2), 20, out _));
        var again = new RequestWindow(3);
        again.Decode(window.Encode(2));
        Assert.Equal(2, again.Count);
        Assert.True(again.TryFind(new RequestId(9, 5), 50, out var answer));
        Assert.Equal(500, answer);
        Assert.Equal(DosErrorCode.StepDiverged, Assert.Throws<DosException>(() => again.TryFind(new RequestId(9, 5), 51, out _)).Code);
        Assert.Throws<InvalidDataException>(() => again.Decode([9, 1]));
    }

    /// <summary>A small tree in memory that answers runs as the catalog does.</summary>
    private static class Tree
    {
        private static readonly List<(int Id, int Parent, string Name, InodeKind Kind, string? Target)> Inodes =
        [
            (1, 0, "root", InodeKind.Directory, null), (2, 1, "a", InodeKind.Directory, null), (3, 2, "b", InodeKind.Directory, null),
            (4, 3, "f", InodeKind.File, null), (5, 2, "up", InodeKind.SymbolicLink, "b/.."), (6, 2, "f2", InodeKind.File, null),
            (7, 2, "abs", InodeKind.SymbolicLink, "/a/b"), (8, 2, "f0", InodeKind.File, null), (9, 3, "link", InodeKind.SymbolicLink, "f"),
            (10, 2, "loop", InodeKind.SymbolicLink, "loop"), (11, 2, "toproc", InodeKind.SymbolicLink, "../proc"),
        ];

        public static string? NameOf(WalkNode? node) => node is { } found ? Inodes.Single(inode => inode.Id == found.Inode.Value).Name : null;

        public static WalkEnd Walk(string path, bool follow = true)
        {
            var walk = new PathWalk(new InodeId(1), DosPath.Parse(path), follow, new HashSet<string> { "proc" });
            while (walk.End is null)
            {
                walk.Feed(Run(walk.Parent, walk.Names));
            }
            return walk.End;
        }

        private static List<WalkNode> Run(InodeId parent, IReadOnlyList<string> names)
        {
            List<WalkNode> found = [];
            foreach (var name in names)
            {
                var next = Inodes.FirstOrDefault(inode => inode.Parent == parent.Value && inode.Name == name);
                if (next.Id == 0)
                {
                    break;
                }
                found.Add(new WalkNode(new InodeId(next.Id), next.Kind, next.Target));
                parent = new InodeId(next.Id);
            }
            return found;
        }
    }
}
