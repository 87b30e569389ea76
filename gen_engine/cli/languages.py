"""The language of reports, tables and pictures: English, or Chinese by the table below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import click

from ..text.char_sets import is_han

Language = Literal["en", "zh"]
Say = Callable[[str], str]
"""English words in the reader's language."""

lang_option: Callable[[Any], Any] = click.option(
    "--lang",
    type=click.Choice(["auto", "en", "zh"]),
    default="auto",
    show_default=True,
    help="Language of reports and pictures; auto: Chinese where labels are. JSON stays English.",
)


def choose_language(wanted: str, labels: Iterable[str] = ()) -> Language:
    """The language that `--lang` asks for. `auto` is Chinese if one of the labels has a Chinese character."""
    found = wanted == "auto" and any(is_han(char) for label in labels for char in label)
    return "zh" if found or wanted == "zh" else "en"


def speak(language: Language) -> Say:
    """A function that translates English words. Words that the table lacks stay English."""
    return (lambda words: CHINESE.get(words, words)) if language == "zh" else str


NATS = "nats: -log of the probability that the model gives the text (0.7: a half, 2.3: a tenth); less is likelier"
MEANS = "P/R/F: precision, recall, and their harmonic mean"
"""The meaning of signs in tables."""

CHINESE = {
    NATS: "nats（奈特）：模型给文本的概率的负自然对数（0.7 为一半，2.3 为十分之一），越小越可能",
    MEANS: "P/R/F：精确率、召回率、二者的调和平均",
    # classifiers
    "model": "模型",
    "baseline": "基线",
    "accuracy": "准确率",
    "macro precision": "宏平均精确率",
    "macro recall": "宏平均召回率",
    "macro f1": "宏平均 F1",
    "weighted precision": "加权精确率",
    "weighted recall": "加权召回率",
    "weighted f1": "加权 F1",
    "accuracy, 95% between": "准确率 95% 置信区间",
    "label": "标签",
    "precision": "精确率",
    "recall": "召回率",
    "f1": "F1",
    "rows": "样本数",
    "guesses": "预测数",
    "true label \\ guessed label": "真实标签 \\ 预测标签",
    "true label": "真实标签",
    "guessed label": "预测标签",
    "confusion matrix": "混淆矩阵",
    "most often confused": "最常混淆的真实标签",
    "guessed as": "预测为",
    "surest mistakes": "最有把握的错误",
    "guess": "预测",
    "probability": "概率",
    "text": "文本",
    "colour: share of the rows of the true label": "颜色：占该真实标签样本的比例",
    "number: rows": "数字：样本数",
    "{model} on {count:,} rows of {files}": "{model}，在 {files} 的 {count:,} 条样本上",
    "{name}: accuracy {accuracy:.4f}": "{name}：准确率 {accuracy:.4f}",
    "{count:,} rows have labels that the classifier lacks and are left out: {most}.": (
        "{count:,} 条样本的标签是分类器没有的，未计入：{most}。"
    ),
    "{count:,} rows are unusable and left out, first {first}.": "{count:,} 条样本无法使用，未计入，第一条是 {first}。",
    "{count:,} texts are longer than the classifier reads and were cut.": "{count:,} 条文本超过分类器的长度，已截断。",
    "{count:,} of the texts stand in the baseline's training data, too.": "其中 {count:,} 条文本也在基线的训练数据里。",
    "TF-IDF + logistic regression": "TF-IDF + 逻辑回归",
    "{count:,} rows of the test part:": "测试集 {count:,} 条样本：",
    "{count:,} rows of the valid part:": "验证集 {count:,} 条样本：",
    "{count:,} of the texts stand in the training part, too.": "其中 {count:,} 条文本也在训练集里。",
    # CLUE
    "mean: CLUE": "平均：CLUE",
    "{name}: {count:,} rows with unknown labels are left out.": "{name}：{count:,} 条样本的标签未知，未计入。",
    # language models
    "{texts:,} texts, {characters:,} characters": "{texts:,} 篇文本，{characters:,} 个字符",
    ", {count:,} left out because a model does not know them": "，其中 {count:,} 个未计入，因为有模型不认识",
    "P/R/F are means over the texts": "P/R/F 是各篇文本的平均",
    "nats/char": "奈特/字符",
    "nats/Han": "奈特/汉字",
    "nats/token": "奈特/词元",
    "perplexity": "困惑度",
    "guessed": "命中率",
    "unknown": "未知字符",
    "tokens/s": "词元/秒",
    "peak": "内存峰值",
    "candidates": "候选",
    "texts": "篇数",
    # training curves
    "training": "训练",
    "validation": "验证",
    "validation, a few batches": "验证（部分批次）",
    "a few batches": "部分批次",
    "step": "步数",
    "examples seen": "已见样本数",
    "loss (nats per target)": "损失（奈特/目标）",
    "accuracy (share of targets)": "准确率（占目标的比例）",
    # poems and couplets
    "poems": "诗",
    "{count} × {what} ({source})": "{count} × {what}（{source}）",
    "figure": "指标",
    "is": "值",
    "what it says": "含义",
    "rhymes": "韵部",
    "format": "格式",
    "tone": "平仄",
    "tone strict": "平仄（严）",
    "tone loose": "平仄（宽）",
    "rhyme": "押韵",
    "old verse": "古体",
    "PoeTone": "PoeTone",
    "structure": "结构",
    "tone places": "平仄各字",
    "rhyme words": "韵脚",
    "distinct-1": "distinct-1",
    "distinct-2": "distinct-2",
    "self-BLEU": "self-BLEU",
    "repeated lines": "重复句",
    "verbatim": "照抄",
    "nats a character": "每字奈特",
    "poems with the right lines of the right length": "行数与每行字数都对的诗",
    "poems whose every tone is the tune's": "每个字的平仄都合词谱的词",
    "poems with all tones of the pattern, no 孤平, no 三平尾": "平仄全合格律，无孤平、无三平尾的诗",
    "poems with all tones but 一三五不论": "平仄全合（一三五不论）的诗",
    "poems that rhyme, no word twice": "押韵且韵脚不重字的诗",
    "poems of free tones that rhyme as old verse does": "平仄不拘、按古体押韵的诗",
    "0.4 structure + 0.3 tone + 0.3 rhyme": "0.4 结构 + 0.3 平仄 + 0.3 押韵",
    "lines of the right length": "字数对的句",
    "places of the right tone in these": "其中平仄对的字",
    "rhyme words that rhyme": "押上韵的韵脚",
    "different characters": "不同的字",
    "different pairs of characters within lines": "句中不同的两字组合",
    "lines that stood before": "前面出现过的句",
    "lines that stand in the corpus": "语料里已有的句",
    "likeness of each poem to the others, by BLEU-4": "每首诗与其余各首的相似度（BLEU-4）",
    "under {model}, marks and end included": "在 {model} 下，含标点和结尾",
    "nats with context": "有题每字奈特",
    "the same, each poem read behind its context": "同上，但先读各诗的题目等",
    "parallel": "对仗",
    "middle couplets of opposed words; of real ones nine in ten": "词类相对的中间两联；真诗中十有其九",
    "relevance, counts": "切题（计数）",
    "relevance, encoder": "切题（编码器）",
    "titles found among 20 by a judge of {model}, of {count} (chance: 5%)": (
        "评判者（{model}）在 20 个题目中选对的，共 {count} 首（乱猜为 5%）"
    ),
    "AUC, TF-IDF": "AUC（TF-IDF）",
    "area under the curve of a classifier, {count} poems and as many real ones (0.5: it cannot tell)": (
        "分类器的曲线下面积，{count} 首与同样多的真诗（0.5 为分辨不出）"
    ),
    "beside real poems: shares of couplets or titles, area": "与真诗相比：联、题的比例，面积",
    "how the form is kept, how varied the poems are": "守律与变化",
    "kept: shares of poems, lines or places": "守律：诗、句或字的比例",
    "variety: shares of characters or lines, likeness": "变化：字或句的比例、相似度",
    "per cent": "百分比",
    "how likely each poem is": "每首诗的可能性",
    "nats a character (less: likelier)": "每字奈特（越小越可能）",
    "number of poems": "诗的首数",
    "number of poems in each": "各韵部诗的首数",
    "mean {mean:.2f}": "平均 {mean:.2f}",
    "poems by their rhyme group (韵部)": "各韵部的诗",
    "second lines ({model}, {decoder})": "下联（{model}，{decoder}）",
    "first lines": "上联",
    "set aside since no couplet begins so: {aside}": "不能作上联而搁置的：{aside}",
    "none": "无",
    "marks the model lacks": "模型没有其标点",
    "other signs or shapes": "有别的符号或形状",
    "ends level": "平声收尾",
    "equal length": "等长",
    "marks at the same places": "标点位置相同",
    "opposed tones": "平仄相对",
    "of the real second lines {share}": "真实下联为 {share}",
    "copied lines": "照抄句",
    "second lines that stand in the corpus": "语料里已有的下联",
    "{title}, shuffled": "{title}，打乱",
    "{title}, retrieval": "{title}，检索",
    "BLEU": "BLEU",
    "BLEU of {count} apart": "BLEU（{count} 联，远离语料）",
    "characters, against the real second lines": "按字，对照真实下联",
    "; lines with a cosine of {near} to the corpus left out": "；与语料余弦达 {near} 的除外",
    "the same lines, each to another first line of its shape": "同样的下联，各配另一个同形的上联",
    "the answer to the corpus' most similar first line": "语料中最相似的上联的下联",
}
"""What reports, tables and pictures say, in Chinese. Braces mark the same gaps as in the English words."""
